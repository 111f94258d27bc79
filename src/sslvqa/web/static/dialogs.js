// What the page has to ask.

import * as api from "./api.js";

const $ = (id) => document.getElementById(id);

// Ask for the token until exchange(token) accepts one.
export function askToken(exchange) {
  const dialog = $("ask-token");
  return new Promise((resolve) => {
    dialog.oncancel = (event) => event.preventDefault();
    dialog.querySelector("form").onsubmit = async (event) => {
      event.preventDefault();
      try {
        await exchange($("token").value);
        $("token").value = "";
        dialog.close();
        resolve();
      } catch (error) {
        dialog.querySelector(".error").textContent = error.message;
      }
    };
    dialog.showModal();
  });
}

// What a headerless file holds; guessed from a name like clip_1920x1080_30fps_10bit.yuv. Null: leave it out.
export function askRaw(name) {
  const dialog = $("ask-raw");
  const form = dialog.querySelector("form");
  const guess = guessRaw(name);
  dialog.querySelector(".file").textContent = name;
  for (const [key, value] of Object.entries(guess)) form.elements[key].value = value;
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "ok" ? Object.fromEntries(new FormData(form)) : null);
    dialog.returnValue = "cancel";
    dialog.showModal();
  });
}

export function guessRaw(name) {
  const size = /(\d{2,5})x(\d{2,5})/.exec(name);
  const rate = /(\d+(?:\.\d+)?)\s*(?:fps|hz)/i.exec(name);
  const chroma = /42[02]|444/.exec(name.replace(/\d+x\d+/, ""))?.[0] ?? "420";
  const deep = /10\s*-?bit|10le/i.test(name) && chroma !== "444";
  return {
    width: size?.[1] ?? "", height: size?.[2] ?? "", fps: rate?.[1] ?? "25",
    pixel_format: /nv12/i.test(name) ? "nv12" : /\.rgb$/i.test(name) ? "rgb24" : `yuv${chroma}p${deep ? "10le" : ""}`,
  };
}

// Browse the server's folder; add(paths) is called with what is chosen.
export function askFolder(add) {
  const dialog = $("ask-folder");
  const field = dialog.querySelector("[name=path]");
  const problem = (text) => { dialog.querySelector(".error").textContent = text; };
  const look = async (path) => {
    try {
      show(await api.get(`/api/folder?${new URLSearchParams({ path })}`));
      problem("");
    } catch (error) { problem(error.message); }
  };
  const show = ({ path, folders, videos }) => {
    field.value = path;
    dialog.querySelector(".where").textContent = `/${path}`;
    const join = (name) => (path ? `${path}/${name}` : name);
    const up = path ? [entry("⬑ up", () => look(path.split("/").slice(0, -1).join("/")))] : [];
    dialog.querySelector(".entries").replaceChildren(
      ...up,
      ...folders.map((name) => entry(`${name}/`, () => look(join(name)))),
      ...videos.map((name) => entry(name, () => { field.value = join(name); })),
    );
    if (!folders.length && !videos.length) problem("No videos here.");
  };
  dialog.querySelector(".add").onclick = async () => {
    try {
      await add([field.value]);
      dialog.close();
    } catch (error) { problem(error.message); }
  };
  dialog.showModal();
  look("");
}

function entry(text, action) {
  const item = document.createElement("li");
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.addEventListener("click", action);
  item.append(made);
  return item;
}
