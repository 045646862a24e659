'use strict';

// Keeps the page as the server's events say, and adds what only a script can do.
// Everything that the panel does works without it.
(() => {
  document.documentElement.classList.add('js');
  const policy = window.trustedTypes?.createPolicy('panel', { createHTML: (html) => html });
  const parse = (html) => {
    const template = document.createElement('template');
    template.innerHTML = policy ? policy.createHTML(html) : html;
    return template.content.firstElementChild;
  };

  // Makes the old element like the new one, and leaves alone what is alike: what is
  // focused stays focused, what is being typed stays typed.
  const morph = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const have = [...old.childNodes];
    const want = [...fresh.childNodes];
    want.forEach((node, i) => (have[i] ? morph(have[i], node) : old.append(node)));
    have.slice(want.length).forEach((node) => node.remove());
  };

  // Times say how long ago they are.
  const units = [[86400, ' d ', 3600, ' h'], [3600, ' h ', 60, ' min']];
  const span = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds >= 14 * 86400) return `${Math.floor(seconds / 86400)} days`;
    const [large, name, small, rest] = units.find(([size]) => seconds >= size);
    return `${Math.floor(seconds / large)}${name}${Math.floor((seconds % large) / small)}${rest}`;
  };
  const tick = () => {
    for (const time of document.querySelectorAll('time[data-when]')) {
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      const words = seconds >= 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
      if (time.textContent !== words) time.textContent = words;
    }
  };
  setInterval(tick, 10000);

  const filter = document.querySelector('input[data-filter]');
  const narrow = () => {
    if (!filter || filter.defaultValue) return; // the server has left out the others
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll(filter.dataset.filter)) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  };
  filter?.addEventListener('input', narrow);

  const show = (id, html) => {
    const old = document.getElementById(id);
    if (!old) return;
    morph(old, parse(html));
    const row = document.getElementById(id);
    const pi = row.dataset.slot;
    if (!pi) return;
    for (const place of document.querySelectorAll(`[data-pi="${CSS.escape(pi)}"]`)) {
      place.dataset.class = row.dataset.class;
      const mark = place.querySelector('.mark');
      if (mark) mark.textContent = row.dataset.class;
    }
  };

  const live = document.getElementById('live');
  const setLive = (state) => {
    if (!live) return;
    live.hidden = false;
    live.dataset.state = state;
    if (live.textContent !== state) live.textContent = state;
  };

  // One stream for the page, while it is looked at.
  let source;
  let cursor = document.body.dataset.cursor;
  const refused = async () => {
    setLive('not live');
    try {
      const reply = await fetch(location.href);
      if (reply.redirected || reply.status === 404) return location.reload(); // the session is over
    } catch {
      // The panel is away: the next try tells.
    }
    setTimeout(follow, 10000);
  };
  const follow = () => {
    if (!cursor || source || document.hidden) return;
    const address = new URL(location.href);
    address.hash = '';
    address.searchParams.set('cursor', cursor);
    source = new EventSource(address);
    source.onopen = () => setLive('live');
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return setLive('reconnecting');
      source = undefined;
      refused();
    };
    source.onmessage = (event) => {
      cursor = event.lastEventId;
      for (const [id, html] of Object.entries(JSON.parse(event.data))) show(id, html);
      narrow();
      speak();
    };
    source.addEventListener('restart', () => location.reload());
  };
  const pause = () => {
    source?.close();
    source = undefined;
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? pause() : follow()));
  addEventListener('pagehide', pause);

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    const text = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = 'Selected: copy it';
    }
  });

  // New lines of a console, for a screen reader that was asked to say them.
  const aloud = document.getElementById('aloud');
  const spoken = document.getElementById('spoken');
  let said = [];
  const speak = () => {
    const screen = document.getElementById('screen-text');
    if (!aloud || !screen) return;
    const lines = screen.textContent.split('\n').map((line) => line.trim()).filter(Boolean);
    if (aloud.checked) {
      for (const line of lines.filter((line) => !said.includes(line)).slice(-5)) {
        const p = document.createElement('p');
        p.textContent = line;
        spoken.append(p);
      }
      while (spoken.childElementCount > 20) spoken.firstElementChild.remove();
    }
    said = lines;
  };

  // The keyboard of a console.
  const names = {
    Enter: '\r', Backspace: '\x7f', Tab: '\t', Escape: '\x1b', Delete: '\x1b[3~', Insert: '\x1b[2~',
    ArrowUp: '\x1b[A', ArrowDown: '\x1b[B', ArrowRight: '\x1b[C', ArrowLeft: '\x1b[D',
    Home: '\x1b[H', End: '\x1b[F', PageUp: '\x1b[5~', PageDown: '\x1b[6~',
  };
  const keysOf = (event) => {
    if (event.isComposing || event.metaKey) return '';
    if (event.ctrlKey && !event.altKey && /^[a-z@[\\\]^_]$/i.test(event.key)) {
      return String.fromCharCode(event.key.toUpperCase().charCodeAt(0) & 31);
    }
    if (names[event.key]) return names[event.key];
    if ([...event.key].length !== 1 || event.ctrlKey) return '';
    return (event.altKey ? '\x1b' : '') + event.key;
  };
  const console_ = document.querySelector('[data-keys]');
  let waiting = '';
  let sending = false;
  const send = async (keys) => {
    waiting += keys;
    if (sending) return; // they go together, in order
    sending = true;
    while (waiting) {
      const some = waiting.slice(0, 1000);
      waiting = waiting.slice(1000);
      const body = new URLSearchParams({ console: console_.dataset.console, raw: some });
      try {
        const reply = await fetch(console_.dataset.keys, { method: 'POST', body });
        if (!reply.ok) document.getElementById('console-state').textContent = await reply.text();
      } catch {
        setLive('reconnecting');
      }
    }
    sending = false;
  };
  const twice = 800; // milliseconds between two presses of Escape
  let escaped = -twice;
  console_?.addEventListener('keydown', (event) => {
    const keys = keysOf(event);
    if (!keys) return;
    event.preventDefault();
    if (event.key === 'Escape') {
      if (event.timeStamp - escaped < twice) {
        document.querySelector('#leave button').click();
        return;
      }
      escaped = event.timeStamp;
    }
    send(keys);
  });
  console_?.addEventListener('paste', (event) => {
    event.preventDefault();
    send(event.clipboardData.getData('text').replace(/\r?\n/g, '\r'));
  });
  console_?.focus();

  // Passkeys.
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const ask = async (path, value) => {
    const reply = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
    const answer = await reply.json();
    if (!reply.ok) throw new Error(answer.problem);
    return answer;
  };
  const credential = (key) => {
    const { response } = key;
    const out = { id: key.id, rawId: text(key.rawId), type: key.type, clientExtensionResults: key.getClientExtensionResults(), response: {} };
    for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (response[name]) out.response[name] = text(response[name]);
    }
    if (response.getTransports) out.response.transports = response.getTransports();
    return out;
  };
  const ceremonies = {
    async create(form) {
      const { id, options } = await ask('/account/passkeys/begin', {});
      const publicKey = options.publicKey ?? options;
      publicKey.challenge = bytes(publicKey.challenge);
      publicKey.user.id = bytes(publicKey.user.id);
      for (const key of publicKey.excludeCredentials ?? []) key.id = bytes(key.id);
      const key = await navigator.credentials.create({ publicKey });
      await ask('/account/passkeys/finish', { id, label: new FormData(form).get('label'), response: credential(key) });
      location.assign('/account');
    },
    async login(form) {
      const { id, options } = await ask('/login/passkey/begin', {});
      const publicKey = options.publicKey ?? options;
      publicKey.challenge = bytes(publicKey.challenge);
      for (const key of publicKey.allowCredentials ?? []) key.id = bytes(key.id);
      const key = await navigator.credentials.get({ publicKey });
      await ask('/login/passkey/finish', { id, response: credential(key) });
      location.assign(new FormData(form).get('next'));
    },
  };
  document.addEventListener('submit', async (event) => {
    const form = event.target.closest('form[data-passkey]');
    if (!form) return;
    event.preventDefault();
    const problem = form.querySelector('[data-passkey-problem]');
    problem.hidden = true;
    try {
      await ceremonies[form.dataset.passkey](form);
    } catch (error) {
      problem.textContent = error.name === 'NotAllowedError' ? 'The passkey was not used: it was cancelled, or it took too long.' : error.message;
      problem.hidden = false;
    }
  });

  tick();
  speak();
  follow();
})();
