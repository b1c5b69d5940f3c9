// New events at the top of the live table. Texts only: nothing of an event is ever read as HTML.
(() => {
  const body = document.getElementById("live");
  const state = document.getElementById("live-state");
  if (!body || !window.EventSource) return;
  const rowsMax = 100;
  const seen = new Set();
  const cell = (row, text, kind) => {
    const cell = row.insertCell();
    if (kind) {
      const inner = document.createElement(kind.tag);
      inner.className = kind.name;
      inner.textContent = text;
      cell.append(inner);
    } else {
      cell.textContent = text;
    }
    return cell;
  };
  const show = (message) => {
    let event;
    try { event = JSON.parse(message.data); } catch { return; }
    if (!event || typeof event !== "object") return;
    const id = message.lastEventId || event.id;
    if (id && seen.has(id)) return;
    seen.add(id);
    const inner = event.event && typeof event.event === "object" ? event.event : {};
    const reason = event.reason || event.rejected || {};
    const code = reason.code || event.code || "";
    const at = new Date(event.accepted_at || event.at || event.received_at || Date.now());
    const time = at.toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai" });
    const row = body.insertRow(0);
    row.className = "new";
    cell(row, time).className = "when";
    cell(row, event.name || inner.event || inner.name || inner.type || event.event_type || event.type || "", { tag: "b", name: "" });
    cell(row, code ? body.dataset.rejected : body.dataset.accepted, { tag: "span", name: code ? "pill o-failed" : "pill o-sent" });
    cell(row, code);
    while (body.rows.length > rowsMax) body.deleteRow(-1);
    document.getElementById("live-none")?.remove();
  };
  const events = new EventSource("/console/live/stream");
  events.onopen = () => { state.textContent = state.dataset.connected; };
  events.onerror = () => { state.textContent = events.readyState === EventSource.CLOSED ? "" : state.dataset.lost; };
  events.onmessage = show;
  for (const name of ["event", "rejected", "accepted"]) events.addEventListener(name, show);
})();
