// The service behind the page: requests, uploads with progress, events.

const RETRY_SECONDS = 3;

export class ServiceError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new ServiceError(0, "the server cannot be reached");
  }
  if (!answer.ok) throw new ServiceError(answer.status, explain(await answer.text(), answer.status));
  return answer;
}

async function request(path, options = {}) {
  const text = await (await answered(path, options)).text();
  return text ? JSON.parse(text) : null; // what only begins something has no body
}

function explain(text, status) {
  try {
    const detail = JSON.parse(text).detail;
    return typeof detail === "string" ? detail : detail.map((item) => item.msg).join("; ");
  } catch {
    return `the server answered with status ${status}`;
  }
}

export const get = (path) => request(path);
export const remove = (path) => request(path, { method: "DELETE" });
export const post = (path, body = {}) => request(path, json(body));
export const postForFile = async (path, body) => (await answered(path, json(body))).blob();

function json(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

// Send one file. Returns {promise, abort}; the promise resolves to the new job.
export function upload(file, options, onProgress) {
  const sender = new XMLHttpRequest();
  const query = new URLSearchParams({ name: file.name, ...options });
  const promise = new Promise((resolve, reject) => {
    sender.open("POST", `/api/uploads?${query}`);
    sender.setRequestHeader("Content-Type", "application/octet-stream");
    sender.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
    sender.onload = () => {
      if (sender.status === 201) resolve(JSON.parse(sender.responseText));
      else reject(new ServiceError(sender.status, explain(sender.responseText, sender.status)));
    };
    sender.onerror = () => reject(new ServiceError(0, "the upload was interrupted"));
    sender.onabort = () => reject(new ServiceError(-1, "cancelled"));
    sender.send(file);
  });
  return { promise, abort: () => sender.abort() };
}

// Listen to the server's events for ever; onLost is told when the connection breaks, and whether it was refused.
export function listen(onMessage, onLost) {
  const source = new EventSource("/api/events");
  source.onmessage = (event) => onMessage(JSON.parse(event.data));
  source.onerror = () => {
    const refused = source.readyState === EventSource.CLOSED; // by an error status: the browser does not try again
    if (refused) setTimeout(() => listen(onMessage, onLost), RETRY_SECONDS * 1000);
    onLost(refused);
  };
}
