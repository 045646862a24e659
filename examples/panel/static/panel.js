'use strict';

// Keeps the page as the server's events say. What they bring is text and is
// only ever shown as text.
(() => {
  const maxLines = 200;
  const live = document.getElementById('live');
  const summary = document.getElementById('summary');
  const log = document.getElementById('log');
  const machines = new Map();
  for (const tr of document.querySelectorAll('tr[data-machine]')) machines.set(tr.dataset.machine, tr);

  const setText = (element, text) => {
    if (element.textContent !== String(text)) element.textContent = text;
  };

  const showRow = (row) => {
    const tr = machines.get(row.name);
    if (!tr) return;
    tr.dataset.class = row.class;
    for (const element of tr.querySelectorAll('[data-field]')) setText(element, row[element.dataset.field]);
    const bar = tr.querySelector('progress');
    bar.max = row.total;
    bar.value = row.bytes;
  };

  const showLine = (line) => {
    const li = document.createElement('li');
    li.dataset.class = line.class;
    for (const [tag, text] of [['time', line.time], ['b', line.machine], ['span', line.text]]) {
      const element = document.createElement(tag);
      element.textContent = text;
      li.append(element, ' ');
    }
    log.prepend(li);
    while (log.childElementCount > maxLines) log.lastElementChild.remove();
  };

  const setLive = (state) => {
    live.hidden = false;
    live.dataset.state = state;
    setText(live, state);
  };

  const source = new EventSource('/events?after=' + encodeURIComponent(document.body.dataset.cursor));
  source.onopen = () => setLive('live');
  source.onerror = () => setLive(source.readyState === EventSource.CLOSED ? 'not live' : 'reconnecting');
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    news.rows.forEach(showRow);
    news.lines.forEach(showLine);
    setText(summary, news.summary);
  };
  source.addEventListener('restart', () => location.reload());

  // A button works without leaving the page; if that fails, the plain way.
  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('form[data-power]')) return;
    event.preventDefault();
    try {
      const reply = await fetch(form.action, { method: 'POST', redirect: 'manual' });
      if (reply.type !== 'opaqueredirect') form.submit();
    } catch {
      setLive('reconnecting');
    }
  });
})();
