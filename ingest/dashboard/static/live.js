// The list of events follows the history: what is new comes on top, as the stream of the API tells it.

const MOST = 200; // rows of a page, and rows that wait while it is paused
const PATIENCE = 5000; // ms before a stream that was refused is asked for again

const tail = document.getElementById("tail");
const { query, meanings } = tail.dataset;
const meaning = JSON.parse(meanings);
const state = document.getElementById("tail-state");
const follow = document.getElementById("tail-follow");
const pause = document.getElementById("tail-pause");
const rows = document.getElementById("rows");
const body = rows.querySelector("tbody");
const skeleton = document.getElementById("row").content.firstElementChild;

let stream = null;
let again = 0;
let paused = false;
let waiting = [];
let number = 0;

const ask = (path) => `/api/v1${path}${query === "?" ? "" : query}`;
const say = (kind, text) => { state.className = `badge ${kind}`; state.textContent = text; state.hidden = !text; };
const cut = (text, most) => ([...text].length > most ? `${[...text].slice(0, most).join("")}…` : text);
const link = (href, text, title) => Object.assign(document.createElement("a"), { href, textContent: text, title });
const none = () => Object.assign(document.createElement("span"), { className: "dim", textContent: "—" });

function ago(instant) {
  const seconds = Math.max(0, (Date.now() - new Date(instant)) / 1000);
  const [unit, length] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, each]) => seconds >= each) ?? ["", 0];
  return length ? `${Math.floor(seconds / length)} ${unit} ago` : "now";
}

function people(event) {
  const everyone = [event.organizer, ...event.attendees].filter((one) => one && (one.name || one.email));
  const told = everyone.slice(0, 2).flatMap((one, place) => {
    const named = document.createElement("bdi");
    named.className = "person";
    named.textContent = cut(one.name || one.email, 60);
    if (one.name && one.email) named.title = one.email;
    return place ? [", ", named] : [named];
  });
  if (everyone.length > 2) told.push(` and ${everyone.length - 2} more`);
  return told.length ? told : [none()];
}

function made(event) {
  const row = skeleton.cloneNode(true);
  const [received, trigger, title, who, booking, status] = row.children;
  row.dataset.id = event.id;
  row.className = "fresh";
  const time = received.querySelector("time");
  time.dateTime = event.received_at;
  time.title = `${event.received_at.slice(0, 19).replace("T", " ")} UTC`;
  time.textContent = ago(event.received_at);
  for (const [place, part] of cut(event.trigger ?? event.kind, 60).split("_").entries()) {
    trigger.firstElementChild.append(...(place ? ["_", document.createElement("wbr"), part] : [part]));
  }
  title.querySelector("a").href = `/events/${event.id}`;
  title.querySelector("bdi").textContent = event.title ? cut(event.title, 100) : "(no title)";
  if (event.caused_by) {
    const cause = Object.assign(document.createElement("span"), { className: "cause dim", textContent: "caused by a rule" });
    title.firstElementChild.append(cause);
  }
  who.firstElementChild.append(...people(event));
  const uid = event.booking?.uid;
  const to = uid && link(`/bookings/${encodeURIComponent(uid)}`, cut(uid, 8), uid);
  if (to) to.className = "id";
  booking.append(to || none());
  const badge = Object.assign(document.createElement("span"), { textContent: cut(event.status ?? "", 60) });
  badge.className = `badge ${meaning[event.status] ?? "quiet"}`;
  status.append(event.status ? badge : none());
  return row;
}

function show(event) {
  if (body.querySelector(`[data-id="${CSS.escape(event.id)}"]`)) return;
  const older = [...body.children].find((row) => row.dataset.id < event.id);
  body.insertBefore(made(event), older ?? null);
  while (body.children.length > MOST) body.lastElementChild.remove();
  rows.hidden = false;
  document.getElementById("nothing")?.remove();
  number += 1;
}

function told(events) {
  if (paused) waiting = [...waiting, ...events].slice(-MOST);
  else events.forEach(show);
  tell();
}

function tell() {
  if (!stream && !again) say("", "");
  else if (stream?.readyState !== EventSource.OPEN) say("wait", "reconnecting");
  else if (paused) say("quiet", waiting.length ? `paused, ${waiting.length} wait` : "paused");
  else say("good", number ? `live, ${number} new` : "live");
}

// what came between the page and the stream, or was too much for the stream to tell
async function missed() {
  try {
    const answer = await fetch(`${ask("/events")}${query === "?" ? "?" : "&"}limit=50`);
    if (!answer.ok) return;
    const newest = body.firstElementChild?.dataset.id ?? "";
    told((await answer.json()).data.filter((event) => event.id > newest).reverse());
  } catch { /* the stream says that there is no connection */ }
}

function begin() {
  again = 0;
  stream = new EventSource(ask("/events/live"));
  stream.addEventListener("open", () => { tell(); missed(); });
  stream.addEventListener("event", (message) => told([JSON.parse(message.data)]));
  stream.addEventListener("gap", missed);
  stream.addEventListener("error", () => {
    tell();
    if (stream.readyState !== EventSource.CLOSED) return; // it comes back by itself
    again = setTimeout(begin, PATIENCE);
  });
  tell();
}

function end() {
  stream?.close();
  clearTimeout(again);
  stream = null;
  again = 0;
  tell();
}

function set(following) {
  follow.setAttribute("aria-pressed", following);
  pause.hidden = !following;
  const address = new URL(location.href);
  if (following) address.searchParams.set("live", "1");
  else address.searchParams.delete("live");
  history.replaceState(null, "", address);
  if (following) begin();
  else end();
}

follow.hidden = false;
document.getElementById("anew").hidden = true;
follow.addEventListener("click", () => set(follow.getAttribute("aria-pressed") !== "true"));
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  const held = paused ? [] : waiting;
  if (!paused) waiting = [];
  told(held);
});
setInterval(() => {
  for (const time of body.querySelectorAll("time")) time.textContent = ago(time.dateTime);
}, 10000);
if (follow.getAttribute("aria-pressed") === "true") set(true);
