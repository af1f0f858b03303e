/* What the Ground tab does in the browser: pictures dropped or pasted anywhere in the tab, Esc, saving an export; most
   of it is every tab's (studio.js). What a click means is decided in Python; here it only becomes an event. */
window.StudioGround = (() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const isShown = () => byId('ground')?.offsetParent != null;

  addEventListener('keydown', (event) => {
    if (!isShown() || document.querySelector('dialog[open]')) return;
    if (event.key === 'Escape') byId('ground-stop')?.click();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('ground-run')?.click();
  });
  Studio.watchFiles('ground', 'ground-choose');
  return { mount: Studio.mount, save: Studio.save };
})();
