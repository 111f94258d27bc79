// One person's way through a study: welcome, link, screen check, questions with breaks, thanks.
const WORDS = ["Bad", "Poor", "Fair", "Good", "Excellent"];
const ASK = {
  acr5: "How good was the quality of this video?",
  acr100: "How good was the quality of this video?",
  pair: "Which video had the better quality?",
};
const EXPLAIN = {
  acr5: "You will see short videos. After each one, say how good its <b>picture quality</b> was: bad, poor, fair, good or excellent.",
  acr100: "You will see short videos. After each one, set a slider to how good its <b>picture quality</b> was, from bad (0) to excellent (100).",
  pair: "You will see short videos in pairs, one after the other. After each pair, say which one had the better <b>picture quality</b>.",
};
const RULES =
  "<p>Judge the picture only, not what it shows or whether you like it. There is no right or wrong; use the whole scale, "
  + "and do not think for long. You can answer with the mouse, the finger or the keyboard.</p>";

const main = document.getElementById("main");
const root = new URL("..", import.meta.url).pathname; // the study may lie below a path of a larger server
const here = location.pathname.slice(root.length);
const token = here.startsWith("s/") ? here.slice(2) : null;
let study = null;
let url = null; // of the video that is shown
let upcoming = null; // {place, videos}: the next question's, fetched while this one is answered

async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const response = await fetch(root + path, options);
  if (response.status === 204) return null;
  const value = await response.json();
  if (!response.ok) throw Object.assign(new Error(value.detail), { refused: true });
  return value;
}

// Until it works or the server refuses it: a connection that fails for a while must not end the session.
async function persist(action) {
  for (;;) {
    try {
      const value = await action();
      fail(null);
      return value;
    } catch (error) {
      if (error.refused) throw error;
      fail(new Error(`${error.message} – trying again`));
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }
}

function show(name) {
  main.replaceChildren(document.getElementById(name).content.cloneNode(true));
  window.scrollTo(0, 0);
  main.focus();
  return main.firstElementChild;
}

function explain(section) {
  const course = [study.training && "The first questions are for training.", study.breaks && "There are breaks.",
    "You may stop at any time and go on later."].filter(Boolean).join(" ");
  section.querySelector(".explain").innerHTML = `<p>${EXPLAIN[study.method]}</p>${RULES}<p>${course}</p>`; // constants
  section.querySelector(".own").textContent = study.instructions;
}

function progress(state) {
  const bar = document.getElementById("progress");
  bar.hidden = false;
  bar.max = state.total;
  bar.value = state.done;
  document.getElementById("count").textContent = `${state.done} of ${state.total}`;
}

function fail(error) {
  const place = document.getElementById("error");
  place.textContent = error ? error.message : "";
  place.hidden = !error;
}

function pressed(element) {
  return new Promise((resolve) => element.addEventListener("click", resolve, { once: true }));
}

function touched() {
  return new Promise((resolve) => {
    addEventListener("keydown", resolve, { once: true });
    addEventListener("pointerdown", resolve, { once: true });
  });
}

function submitted(form) {
  return new Promise((resolve) => form.addEventListener("submit", (event) => {
    event.preventDefault();
    resolve(new FormData(form));
  }, { once: true }));
}

async function welcome() {
  const section = show("welcome");
  explain(section);
  const key = new URLSearchParams(location.search).get("key") ?? "";
  for (;;) {
    const form = await submitted(section.querySelector("form"));
    try {
      const { token: mine } = await call("api/join", { name: form.get("name"), key });
      location.assign(`${root}s/${mine}`);
      return;
    } catch (error) {
      fail(error);
    }
  }
}

async function remember() {
  const section = show("resume");
  explain(section);
  const [field, copy] = section.querySelectorAll(".link > *");
  field.value = location.href;
  copy.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Press Ctrl+C";
    }
  });
  await pressed(section.querySelector(".next"));
}

async function checkScreen() {
  const section = show("screen");
  for (const select of section.querySelectorAll("select")) {
    select.append(new Option("choose …", ""), ...[0, 1, 2, 3, 4].map((n) => new Option(n, n)));
  }
  const form = await submitted(section.querySelector("form"));
  const facts = {
    dark_seen: Number(form.get("dark")), light_seen: Number(form.get("light")),
    window_px: [innerWidth, innerHeight], screen_px: [screen.width, screen.height],
    pixel_ratio: devicePixelRatio, touch: navigator.maxTouchPoints > 0,
    dark_mode: matchMedia("(prefers-color-scheme: dark)").matches, agent: navigator.userAgent.slice(0, 300),
  };
  await persist(() => call(`api/session/${token}/screen`, facts));
}

async function pause(title, text) {
  const section = show("break");
  section.querySelector("h2").textContent = title;
  section.querySelector("p").textContent = text;
  await pressed(section.querySelector(".next"));
}

// The whole file is fetched before it plays: the network must not be what is rated.
async function load(position, side) {
  const response = await fetch(`${root}media/${token}/${position}/${side}`);
  if (response.ok) return response.blob();
  if (response.status >= 500) throw new Error("the server cannot send the video at the moment");
  throw Object.assign(new Error((await response.json()).detail), { refused: true }); // gone, or not one's own
}

function fetchVideos(question) {
  if (upcoming?.place === question.position) return upcoming.videos;
  return Promise.all((question.pair ? [0, 1] : [0]).map((side) => load(question.position, side)));
}

function fetchAhead(question) {
  const next = { ...question, position: question.position + 1 };
  upcoming = { place: next.position, videos: null };
  upcoming.videos = Promise.all((question.pair ? [0, 1] : [0]).map((side) => load(next.position, side)));
  upcoming.videos.catch(() => { upcoming = null; }); // it is tried again in its turn
}

// One pixel of the video is one pixel of the screen, unless it does not fit.
function fit(video) {
  const stage = video.parentElement;
  const width = video.videoWidth / devicePixelRatio;
  const height = video.videoHeight / devicePixelRatio;
  const scale = Math.min(1, stage.clientWidth / width, stage.clientHeight / height);
  video.style.width = `${width * scale}px`;
  video.style.height = `${height * scale}px`;
}

// Plays one video to its end, however often it breaks off.
async function watch(section, blob, label) {
  for (;;) {
    try {
      await play(section, blob, label);
      return;
    } catch (error) {
      if (!error.brokeOff) throw error;
      section.querySelector(".status").textContent =
        "The video broke off. Press a key or touch to see it again. If that happens each time, tell the organiser.";
      await touched();
    }
  }
}

async function play(section, blob, label) {
  const video = section.querySelector("video");
  const status = section.querySelector(".status");
  if (url) URL.revokeObjectURL(url);
  url = URL.createObjectURL(blob);
  status.textContent = label;
  video.classList.add("hidden");
  await new Promise((resolve) => setTimeout(resolve, label ? 900 : 250)); // grey before the video
  await new Promise((resolve, reject) => {
    video.onloadeddata = resolve;
    video.onerror = () => reject(new Error("this browser cannot play the video; tell the organiser, or try another browser"));
    video.src = url;
  });
  fit(video);
  const again = () => fit(video);
  addEventListener("resize", again);
  video.muted = true; // sound is not part of picture quality, and muted videos may start by themselves
  const ended = new Promise((resolve, reject) => {
    video.onended = resolve;
    video.onerror = () => reject(Object.assign(new Error("the video broke off"), { brokeOff: true }));
  });
  try {
    await Promise.race([begin(video, status), ended]);
    status.textContent = "";
    video.classList.remove("hidden");
    await ended;
  } finally {
    video.classList.add("hidden");
    removeEventListener("resize", again);
  }
}

async function begin(video, status) {
  try {
    await video.play();
  } catch {
    status.textContent = "Press a key or touch to play";
    await touched();
    await video.play();
  }
}

function button(text, key, vote, choose) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.disabled = true;
  const hint = document.createElement("kbd");
  hint.textContent = key;
  element.append(hint);
  element.addEventListener("click", () => choose(vote));
  return element;
}

// Builds the answer's controls; returns a promise of the vote and what enables them.
function controls(section) {
  const place = section.querySelector(".choices");
  section.querySelector("#ask").textContent = ASK[study.method];
  const keys = {};
  let choose;
  const vote = new Promise((resolve) => { choose = resolve; });
  if (study.method === "acr100") {
    place.innerHTML = '<div class="slider"><output>–</output><input type="range" min="0" max="100" step="1" value="50" disabled'
      + ' aria-label="Quality from 0, bad, to 100, excellent"><div class="marks"></div></div>';
    place.querySelector(".marks").append(...WORDS.map((word) => Object.assign(document.createElement("span"), { textContent: word })));
    const range = place.querySelector("input");
    const send = button("Next", "Enter", null, () => choose(Number(range.value)));
    send.className = "send";
    range.addEventListener("input", () => {
      place.querySelector("output").textContent = range.value;
      send.disabled = false; // a slider that nobody touched is no answer
    });
    place.append(send);
    keys.Enter = () => { if (!send.disabled) choose(Number(range.value)); };
    return { vote, keys, enable: () => { range.disabled = false; range.focus(); } };
  }
  const options = study.method === "acr5"
    ? WORDS.map((word, index) => [word, `${index + 1}`, index + 1])
    : [["First", "1", 1], ["No difference", "2", 0.5], ["Second", "3", 0]];
  place.classList.add("words");
  for (const [text, key, value] of options) {
    place.append(button(text, key, value, choose));
    keys[key] = () => choose(value);
  }
  return { vote, keys, enable: () => { for (const item of place.children) item.disabled = false; } };
}

async function ask(question, total) {
  const section = show("question");
  section.querySelector(".badge").hidden = !question.training;
  const { vote, keys, enable } = controls(section);
  section.querySelector(".status").textContent = "Loading the video …";
  const blobs = await persist(() => fetchVideos(question));
  for (const [index, blob] of blobs.entries()) {
    await watch(section, blob, question.pair ? ["First video", "Second video"][index] : "");
  }
  section.querySelector(".status").textContent = "Your answer?";
  const began = performance.now();
  enable();
  if (question.position + 1 < total) fetchAhead(question);
  const listen = (event) => { if (!event.repeat && !event.ctrlKey && !event.metaKey) keys[event.key]?.(); };
  addEventListener("keydown", listen);
  const value = await vote;
  removeEventListener("keydown", listen);
  return { position: question.position, vote: value, seconds: (performance.now() - began) / 1000 };
}

async function send(answer) {
  try {
    return await persist(() => call(`api/session/${token}/answer`, answer));
  } catch { // refused: answered in another window, so go on from there
    return persist(() => call(`api/session/${token}`));
  }
}

async function session() {
  let state = await call(`api/session/${token}`);
  if (state.question) await remember();
  if (state.question && !state.screened) await checkScreen();
  let trained = state.question?.training === false;
  while (state.question) {
    progress(state);
    if (!trained && !state.question.training) {
      trained = true;
      if (state.done) await pause("The training is over", "From now on your answers count.");
    }
    if (state.question.break_before) await pause("A break", "Rest your eyes for a minute: look out of the window. Go on when you like.");
    state = await send(await ask(state.question, state.total));
  }
  progress(state);
  show("done");
}

try {
  study = await call("api/study");
  document.title = study.title;
  document.getElementById("title").textContent = study.title;
  await (token ? session() : welcome());
} catch (error) {
  fail(error);
  if (!main.querySelector("section")) main.replaceChildren();
}
