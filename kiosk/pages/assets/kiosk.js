// Enhancement only: every page works without this file.
// It never holds a secret longer than its form, and writes markup only from this desk's own stream.
const $ = (s, r = document) => r.querySelector(s);
const root = document.documentElement;
const policy = window.trustedTypes?.createPolicy('kiosk', { createHTML: (s) => s });
const alive = (() => {
  let last = 0;
  return (gap) => {
    if (Date.now() - last < gap) return false;
    last = Date.now();
    fetch('/alive', { method: 'POST' }).catch(() => {});
    return true;
  };
})();

// 1. One submit per rendered form. The server guards it too, by the op.
let sent = false;
addEventListener('submit', (e) => {
  const f = e.target;
  if (f.method === 'dialog') return;
  if (f.dataset.sent) return e.preventDefault();
  f.dataset.sent = '1';
  sent = true;
  f.setAttribute('aria-busy', 'true');
  if (e.submitter?.hasAttribute('data-print')) print();
}, true);
// A page from the back cache shows an old state: ask again.
addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });

// 2. The live region, fed by the server. A page without one is only told where to go.
const live = $('[data-live]');
const source = live ? live.dataset.live : document.body.dataset.watch;
if (source) {
  const es = new EventSource(source);
  let seen = '';
  es.addEventListener('fragment', (e) => {
    if (!live || e.data === seen) return;
    seen = e.data;
    const t = document.createElement('template');
    t.innerHTML = policy ? policy.createHTML(e.data) : e.data;
    const keep = document.activeElement?.id;
    live.replaceChildren(t.content);
    if (keep) document.getElementById(keep)?.focus({ preventScroll: true });
  });
  es.addEventListener('goto', (e) => {
    es.close();
    if (!/^\/(?!\/)/.test(e.data)) return;
    // Where a form was sent, its own answer says where to go, if there is one.
    setTimeout(() => location.replace(e.data), sent ? 5000 : 0);
  });
  // The desk stops because its disk failed: its last words stay until it answers again.
  let down = false;
  es.addEventListener('down', (e) => {
    down = true;
    $('.offline').textContent = e.data;
    root.setAttribute('data-offline', '');
  });
  es.onopen = () => down ? location.reload() : root.removeAttribute('data-offline');
  es.onerror = () => root.setAttribute('data-offline', '');
  addEventListener('pagehide', () => es.close());
}

// 3. Keypad and keyboard: the keys are real submit buttons; here they fill the field instead.
for (const pad of document.querySelectorAll('[data-pad]')) {
  const field = document.getElementById(pad.dataset.pad);
  const dots = $('.dots', pad.form ?? pad.closest('form'));
  const show = () => {
    if (!dots) return;
    const n = field.value.length;
    const row = $('.row', dots);
    const want = Math.max(n, +dots.dataset.min);
    while (row.children.length < want) row.append(document.createElement('i'));
    while (row.children.length > want) row.lastChild.remove();
    [...row.children].forEach((d, i) => d.classList.toggle('on', i < n));
  };
  const put = (k) => {
    if (k === 'del') field.value = field.value.slice(0, -1);
    else if (field.value.length < field.maxLength) field.value += k === 'space' ? ' ' : k;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };
  field.addEventListener('input', show);
  pad.addEventListener('click', (e) => {
    const b = e.target.closest('button[name=k]');
    if (!b || b.value === 'ok') return;
    e.preventDefault();
    put(b.value);
  });
}

for (const b of document.querySelectorAll('[data-show]')) {
  b.addEventListener('click', () => {
    const field = document.getElementById(b.dataset.show);
    field.type = field.type === 'password' ? 'text' : 'password';
    b.setAttribute('aria-pressed', String(field.type === 'text'));
    field.focus();
  });
}

// 4. Idle: the server owns the deadline, this only mirrors it and says that somebody is there.
const idle = $('dialog[data-idle]');
if (idle) {
  const total = +idle.dataset.idle, warn = +idle.dataset.warn, left = $('output', idle);
  let end = Date.now() + total * 1000;
  // Only what the server was told counts: it must not end before this page says so.
  const here = (gap) => { if (alive(gap)) end = Date.now() + total * 1000; };
  idle.addEventListener('close', () => here(0));
  for (const t of ['pointerdown', 'keydown']) {
    addEventListener(t, () => { if (!idle.open) here(15000); }, { passive: true });
  }
  setInterval(() => {
    const s = Math.ceil((end - Date.now()) / 1000);
    left.value = Math.max(s, 0);
    if (s <= warn && !idle.open) idle.showModal();
    if (s <= 0) location.replace(idle.dataset.end);
  }, 1000);
}

// 5. A passcode on the screen: the bar runs down, and digits nobody looks at are taken off at once.
const bar = $('progress[data-end]');
if (bar) {
  const end = Date.now() + bar.value * 1000, left = $('[data-left]');
  setInterval(() => {
    const s = Math.max(Math.ceil((end - Date.now()) / 1000), 0);
    bar.value = s;
    left.value = s;
    if (s === 0) location.replace(bar.dataset.end);
  }, 1000);
  addEventListener('pagehide', () => $('[data-secret]').replaceChildren());
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) $('[data-secret]').replaceChildren();
    else location.reload();
  });
}
