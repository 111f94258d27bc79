// Ties the parts together: what the server tells, what the user does, what the address says is open.

import * as api from "./api.js";
import { Compare } from "./compare.js";
import { askFolder, askRaw, askToken } from "./dialogs.js";
import { fetchExport } from "./export.js";
import { bytes, number, plain } from "./format.js";
import { Table, isActive } from "./table.js";
import { Teach, modelName } from "./teach.js";
import { Uploads } from "./uploads.js";
import { View } from "./view.js";
import { scaleName } from "./words.js";

const $ = (id) => document.getElementById(id);
const files = new Map(); // job id → the user's own file
const state = { info: null, open: null, ids: [], lost: false };
const LOST = "The server does not answer; the page tries again by itself.";

const table = new Table($("jobs"), {
  info: infoOf,
  onOpen: (job) => { banner(""); location.hash = `video=${job.id}`; },
  onCancel: (job) => cancel(job),
  onRemove: (job) => remove(job),
  onSelect: (ids) => { $("compare").disabled = ids.length !== 2; $("compare").textContent = ids.length === 2 ? "Compare 2" : "Compare"; },
});
table.onArranged = (shown, all) => {
  $("none").hidden = all > 0;
  $("count").textContent = all ? `${shown} of ${all} videos` : "";
};

/** The server's facts with those of the model that scored a job. */
function infoOf(job) {
  return { ...state.info, ...state.info.models[job.model] };
}

const uploads = new Uploads({
  onChange: (item) => table.set({ ...item }),
  onJob: (job) => setJob(job),
  onGone: (id) => table.delete(id),
});

// --- what the server tells

function onMessage(message) {
  state.lost = false;
  if ($("banner").textContent === LOST) banner(""); // what else it says is not for this to wipe
  if (message.jobs) {
    const known = new Set(message.jobs.map((job) => job.id));
    for (const id of [...table.jobs.keys()]) if (!known.has(id) && !id.startsWith("upload-")) table.delete(id);
    for (const job of message.jobs) refresh(job); // while the connection was lost it may have changed
    showOpen();
  } else if (message.job) {
    const before = table.jobs.get(message.job.id);
    refresh(message.job);
    if ((!before || isActive(before)) && !isActive(message.job)) finished(message.job);
  } else if (message.removed) {
    table.delete(message.removed);
    files.delete(message.removed);
    if (state.ids.includes(message.removed)) location.hash = "";
  }
}

function refresh(job) {
  setJob(job);
  if (state.ids.includes(job.id)) state.open?.update(job);
}

function setJob(job) {
  const file = uploads.arrived(job);
  if (file) files.set(job.id, file);
  table.set(job);
}

function finished(job) {
  const active = [...table.jobs.values()].filter(isActive).length;
  const result = job.state === "done" ? `score ${number(job.score)}` : job.state;
  say(`${job.name}: ${result}.${active ? ` ${active} to go.` : ""}`);
  openTheOnly();
}

/** A single video opens by itself. */
function openTheOnly() {
  const [job, ...others] = table.jobs.values();
  if (job?.state === "done" && !others.length && !location.hash) location.hash = `video=${job.id}`;
}

// A connection that only broke off is soon there again; one that was refused may not be.
async function onLost(refused) {
  state.lost = true;
  let answers = !refused;
  try {
    await api.get("/api/info");
  } catch (error) {
    if (error.status === 401) { location.reload(); return; }
    answers = false;
  }
  if (!answers && state.lost) banner(LOST);
}

// --- what the user does

async function cancel(job) {
  if (job.id.startsWith("upload-")) uploads.cancel(job.id);
  else await act(api.post(`/api/jobs/${job.id}/cancel`));
}

async function remove(job) {
  if (job.id.startsWith("upload-")) uploads.cancel(job.id);
  else await act(api.remove(`/api/jobs/${job.id}`));
}

// What the user asked for: what the banner said before is over.
function act(promise) {
  banner("");
  return attempt(promise);
}

async function attempt(promise) {
  try {
    return await promise;
  } catch (error) {
    say(error.message);
    banner(error.message);
    return null;
  }
}

async function addFiles(list) {
  banner("");
  for (const file of list) {
    const raw = state.info.suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix));
    const options = raw ? await askRaw(file.name) : {};
    if (file.size > state.info.max_upload_bytes) {
      banner(`${file.name} has ${bytes(file.size)}; the server takes ${bytes(state.info.max_upload_bytes)}.`);
    } else if (options) uploads.add(file, { ...options, model: $("model-choice").value || "served" });
  }
}

function wire() {
  $("files").addEventListener("change", (event) => { addFiles([...event.target.files]); event.target.value = ""; });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop") addFiles([...event.dataTransfer.files]);
    });
  }
  $("browse").addEventListener("click", () => askFolder((paths) => api.post("/api/paths", { paths, model: $("model-choice").value || "served" })));
  $("model-choice").addEventListener("change", showModel);
  $("search").addEventListener("input", (event) => table.setFilter({ text: event.target.value }));
  $("state").addEventListener("change", (event) => table.setFilter({ state: event.target.value }));
  $("most").addEventListener("input", (event) => table.setFilter({ most: event.target.value === "" ? Infinity : Number(event.target.value) }));
  document.querySelector(".tools").addEventListener("submit", (event) => event.preventDefault());
  $("compare").addEventListener("click", () => { location.hash = `compare=${[...table.selected].join(",")}`; });
  for (const format of ["csv", "json"]) $(format).addEventListener("click", () => act(fetchExport(format, serverJobs(table.shown()))));
  $("stop").addEventListener("click", () => { for (const job of [...table.jobs.values()]) if (isActive(job)) cancel(job); });
  $("clear").addEventListener("click", () => { for (const job of [...table.jobs.values()]) if (!isActive(job)) remove(job); });
  $("keys").addEventListener("click", () => $("show-keys").showModal());
  $("theme").addEventListener("click", nextTheme);
  document.querySelector(".skip").addEventListener("click", skip);
  window.addEventListener("hashchange", showOpen);
  document.addEventListener("keydown", onKey);
}

function serverJobs(ids) {
  return ids.filter((id) => !id.startsWith("upload-"));
}

// Not by the link's own address: that would close what is open.
function skip(event) {
  event.preventDefault();
  if (location.hash === "#teach") location.hash = "";
  showTab(false);
  $("jobs").focus();
}

function onKey(event) {
  if (event.target.closest('input:not([type="checkbox"]), select, textarea, dialog[open]')) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); $("search").focus(); return; }
  const open = state.open;
  if (!open) return;
  const onButton = event.target.closest("button, summary, a, input");
  const actions = {
    " ": () => !onButton && open.toggle(),
    k: () => open.toggle(),
    ArrowLeft: () => open.player.seek(open.player.time - 1),
    ArrowRight: () => open.player.seek(open.player.time + 1),
    ",": () => open.player.step(-1),
    ".": () => open.player.step(1),
    w: () => open.goToWorst(),
    m: () => open.toggleMap(),
    Escape: () => { location.hash = ""; },
  };
  const action = actions[event.key];
  if (!action || (event.key === " " && onButton)) return;
  event.preventDefault();
  action();
}

// --- what is open

async function showOpen() {
  showTab(location.hash === "#teach");
  const [kind, list = ""] = location.hash.slice(1).split("=");
  const ids = ["video", "compare"].includes(kind) ? list.split(",").filter((id) => table.jobs.get(id)?.state === "done") : [];
  const wanted = ids.slice(0, kind === "compare" ? 2 : 1);
  if (wanted.join() === state.ids.join()) return;
  state.open?.close();
  Object.assign(state, { open: null, ids: wanted });
  table.open(wanted[0]);
  document.body.classList.toggle("with-detail", wanted.length > 0);
  document.body.classList.toggle("comparing", wanted.length > 1);
  $("detail").hidden = wanted.length === 0;
  $("detail").replaceChildren();
  if (wanted.length === 0) return;
  const jobs = await attempt(Promise.all(wanted.map((id) => api.get(`/api/jobs/${id}`))));
  if (wanted.join() !== state.ids.join()) return; // meanwhile something else was opened
  if (jobs) show(jobs);
  else location.hash = ""; // closes the empty panel
}

function show(jobs) {
  const options = { infoOf, onNote: banner, fileOf: (job) => files.get(job.id) };
  state.open = jobs.length === 2 ? new Compare(jobs, options) : new View(jobs[0], { ...options, file: files.get(jobs[0].id) });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "close", textContent: "✕ Close" });
  close.addEventListener("click", () => { location.hash = ""; });
  $("detail").replaceChildren(close, state.open.root);
  $("detail").querySelector("h2").focus({ preventScroll: true });
  if (innerWidth < 900) $("detail").scrollIntoView();
}

// --- teaching, and what it gives: more models

let teach = null;

function showTab(teaching) {
  if (!teach) return;
  $("main").hidden = teaching;
  $("teach").hidden = !teaching;
  for (const link of $("tabs").children) {
    if ((link.dataset.tab === "teach") === teaching) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (teaching) teach.show(); else teach.hide();
}

function showModels() {
  const models = Object.entries(state.info.models);
  const before = $("model-choice").value;
  $("model-choice").replaceChildren(...models.map(([key]) => new Option(modelName(key, state.info.models), key)));
  $("model-choice").value = state.info.models[before] ? before : "served";
  $("with-model").hidden = models.length < 2;
  showModel();
}

function showModel() {
  const facts = state.info.models[$("model-choice").value];
  $("model").textContent = `${facts.model} · ${scaleName(facts)}, higher is better`;
  $("model").title = [facts.description, ...facts.model_limits, facts.licence].join("\n");
}

function startTeaching() {
  $("tabs").hidden = false;
  teach = new Teach({
    models: () => state.info.models,
    onModel: async () => { state.info = await api.get("/api/info"); showModels(); },
    onUse: (key) => { $("model-choice").value = key; showModel(); location.hash = ""; },
    onNote: banner,
  });
  showTab(location.hash === "#teach");
}

// --- small things

function say(text) { $("status").textContent = text; }

function banner(text) {
  $("banner").hidden = !text;
  $("banner").textContent = text;
}

const THEMES = ["system", "light", "dark"];

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = `Theme: ${name}`;
  try { localStorage.setItem("theme", name); } catch { /* private mode */ }
}

function nextTheme() {
  setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]);
}

function storedTheme() {
  try { return THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system"; } catch { return "system"; }
}

async function enter() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname);
    await api.post("/api/session", { token: given }).catch(() => {});
  }
  for (;;) {
    try {
      return await api.get("/api/info");
    } catch (error) {
      if (error.status !== 401) throw error;
      await askToken((token) => api.post("/api/session", { token }));
    }
  }
}

async function start() {
  setTheme(storedTheme());
  try {
    state.info = await enter();
  } catch (error) {
    banner(error.message);
    return;
  }
  const info = state.info;
  showModels();
  const kept = info.keep_seconds ? `${plain(info.keep_seconds / 60)} min after their last use` : "as soon as they are scored";
  $("limits").textContent = `Up to ${bytes(info.max_upload_bytes)}, ${plain(info.max_duration_seconds / 60)} min, ${info.max_side_px} px. Uploads stay on this server and are deleted ${kept}.`;
  $("browse").hidden = !info.folder;
  wire();
  if (info.teach) startTeaching();
  api.listen(onMessage, onLost);
}

start();
