// What is wrong with the page for those who use it without a mouse, without colours,
// without eyes or on a small screen. Returns a list of sentences.
(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const what = (e) => {
    const text = (e.getAttribute('aria-label') || e.textContent || e.id || '').trim().replace(/\s+/g, ' ').slice(0, 40);
    return `<${e.localName}${e.id ? '#' + e.id : ''}> "${text}"`;
  };
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('.hidden') && e.getClientRects().length > 0;
  const byIDs = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();

  // Names.
  const name = (e) => {
    if (e.hasAttribute('aria-labelledby')) return byIDs(e.getAttribute('aria-labelledby'));
    if (e.getAttribute('aria-label')) return e.getAttribute('aria-label').trim();
    if (e.labels?.length) return [...e.labels].map((l) => l.textContent).join(' ').trim();
    if (['INPUT', 'SELECT', 'TEXTAREA', 'PROGRESS', 'METER'].includes(e.nodeName)) return '';
    return e.textContent.trim();
  };
  const controls = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex="-1"])';
  for (const e of all(`${controls}, progress, meter, table, nav, section, [role=img], [role=region], [role=search], [role=textbox]`)) {
    if (!shown(e) || e.matches('[role=search], .sheet:not(section)')) continue;
    if (e.localName === 'table' && e.closest('[role=region]')) continue; // which has its name
    if (!name(e)) faults.push(`${what(e)} has no name`);
  }
  for (const e of all('img')) if (!e.hasAttribute('alt')) faults.push(`${what(e)} has no alt`);

  // References and IDs.
  const ids = all('[id]').map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push(`the ID ${id} is there twice`);
  for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
    for (const e of all(`[${attribute}]`)) {
      for (const id of e.getAttribute(attribute).split(/\s+/)) if (!document.getElementById(id)) faults.push(`${what(e)}: ${attribute} names ${id}, which is not there`);
    }
  }

  // Structure.
  if (!document.documentElement.lang) faults.push('the page has no language');
  if (!document.title.trim()) faults.push('the page has no title');
  for (const [selector, title] of [['main', 'main'], ['body > header', 'banner'], ['h1', 'first heading']]) {
    if (all(selector).length !== 1) faults.push(`there are ${all(selector).length} of: ${title}`);
  }
  let level = 0;
  for (const h of all('h1, h2, h3, h4, h5, h6')) {
    const own = Number(h.localName[1]);
    if (own > level + 1) faults.push(`${what(h)} comes after a heading of level ${level}`);
    if (!h.textContent.trim()) faults.push(`${what(h)} is empty`);
    level = own;
  }
  for (const table of all('table')) if (!table.querySelector('th')) faults.push(`${what(table)} has no headers`);
  for (const li of all('li')) if (!li.parentElement.matches('ul, ol')) faults.push(`${what(li)} is in no list`);
  for (const e of all('dl > *')) if (!e.matches('div, dt, dd')) faults.push(`${what(e)} does not belong in a list of facts`);
  for (const e of all('[tabindex]')) if (e.tabIndex > 0) faults.push(`${what(e)} changes the order of the Tab key`);
  for (const e of all('[style]')) faults.push(`${what(e)} has a style of its own`);
  for (const e of all('.scroll')) {
    if (e.scrollWidth > e.clientWidth + 1 && e.tabIndex !== 0) faults.push(`${what(e)} scrolls, and a keyboard cannot do it`);
  }

  // Size.
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) {
    const wide = all('body *').filter((e) => shown(e) && e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll')).map(what).slice(-3);
    faults.push(`the page is ${root.scrollWidth} wide on a screen of ${innerWidth}: ${wide.join(', ')}`);
  }
  for (const e of all(controls)) {
    if (!shown(e) || e.matches('.skip')) continue;
    const inText = getComputedStyle(e).display === 'inline' && e.parentElement.textContent.trim() !== e.textContent.trim();
    if (inText) continue;
    const box = e.getBoundingClientRect();
    if (box.width < 24 || box.height < 23.5) faults.push(`${what(e)} is ${box.width.toFixed(1)} × ${box.height.toFixed(1)} pixels`);
  }

  // Contrast (WCAG 2.2, 1.4.3), of every text that is seen. Colours that a guest
  // chooses for its console are its own.
  const parse = (colour) => {
    const n = colour.match(/[\d.]+/g)?.map(Number);
    if (colour.startsWith('color(srgb')) return [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1];
    return [n[0], n[1], n[2], n[3] ?? 1];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), canvas);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.nodeValue.trim() || seen.has(e) || !shown(e) || e.closest('.vt span, title, desc, script, noscript, option, .skip')) continue;
    seen.add(e);
    const style = getComputedStyle(e);
    let background = behind(e);
    if (e.closest('svg')) {
      const slot = e.parentElement.querySelector(':scope > rect');
      if (slot && e.parentElement.localName === 'g') background = over(parse(getComputedStyle(slot).fill), background);
    }
    const colour = over(parse(e.closest('svg') ? style.fill : style.color), background);
    const [low, high] = [luminance(colour), luminance(background)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faults.push(`${what(e)}: contrast ${ratio.toFixed(2)} of ${style.color} on ${background.map(Math.round)}`);
  }
  for (const e of all('button, input, select')) { // 1.4.11: the edge of what is operated
    if (!shown(e) || e.type === 'checkbox') continue;
    const style = getComputedStyle(e);
    const around = behind(e.parentElement);
    const [edge, fill] = [over(parse(style.borderTopColor), around), behind(e)];
    const against = (c) => {
      const [low, high] = [luminance(c), luminance(around)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    if (Math.max(against(edge), against(fill)) < 3) faults.push(`${what(e)}: its edge is not seen`);
  }
  return faults;
})()
