// New events at the top of the live table. Texts only: nothing of an event is ever read as HTML.
(() => {
  const body = document.getElementById("live");
  const state = document.getElementById("live-state");
  if (!body || !window.EventSource) return;
  const rowsMax = 100;
  const seen = new Set([...body.rows].map((row) => row.dataset.id));
  const put = (row, name, text) => {
    const cell = row.insertCell();
    const inner = document.createElement(name);
    inner.textContent = text;
    cell.append(inner);
    return inner;
  };
  const link = (cell, folder, id, text) => {
    if (!/^[a-z]+_[a-z0-9]+$/.test(id)) return;
    const anchor = document.createElement("a");
    anchor.className = "why";
    anchor.href = `/console/${folder}/${id}`;
    anchor.textContent = text;
    cell.append(" ", anchor);
  };
  const show = (message) => {
    let event;
    try { event = JSON.parse(message.data); } catch { return; }
    if (!event || typeof event !== "object" || seen.has(event.id)) return;
    seen.add(event.id);
    const row = body.insertRow(0);
    row.className = "new";
    row.dataset.id = event.id;
    const at = new Date(event.received_at);
    put(row, "time", at.toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai" })).parentNode.className = "when";
    put(row, "b", event.name || event.type || "–");
    const kind = event.outcome === "accepted" ? " o-sent" : event.outcome === "duplicate" ? "" : " o-failed";
    put(row, "span", body.dataset[event.outcome] || event.outcome).className = `pill${kind}`;
    const cell = row.insertCell();
    if (event.reason) cell.textContent = event.reason.code;
    if (event.dead_letter) link(cell, "letters", event.dead_letter, body.dataset.open);
    else if (event.profile) link(cell, "customers", event.profile, body.dataset.customer);
    while (body.rows.length > rowsMax) body.deleteRow(-1);
    document.getElementById("live-none")?.remove();
  };
  const events = new EventSource("/console/live/stream");
  events.onopen = () => { state.textContent = state.dataset.connected; };
  events.onerror = () => { state.textContent = events.readyState === EventSource.CLOSED ? "" : state.dataset.lost; };
  events.addEventListener("event", show);
})();
