/* What the Ground tab does in the browser: pictures dropped or pasted anywhere in the tab, the camera, Esc, saving an
   export; much of it is every tab's (studio.js). What a click means is decided in Python; here it only becomes an event. */
window.StudioGround = (() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const isShown = () => byId('ground')?.offsetParent != null;

  const REFUSALS = {
    NotAllowedError: 'The browser does not let this page use the camera. Allow it beside the address, then try again.',
    NotFoundError: 'No camera was found. Connect one and try again, or choose a picture instead.',
    NotReadableError: 'The camera is busy, perhaps with another program. Close that one, then try again.',
    NotSupportedError: 'Browsers allow the camera only on this computer itself or over https. Choose a picture instead.',
  };

  const camera = {
    get dialog() { return byId('ground-camera'); },
    get video() { return this.dialog.querySelector('video'); },

    async open() {
      if (this.dialog.open) return;
      this.show('Opening the camera…', false);
      this.dialog.showModal();
      this.dialog.addEventListener('close', () => this.stop(), { once: true });
      try {
        if (!navigator.mediaDevices) throw new DOMException('', 'NotSupportedError');
        const wanted = { facingMode: 'environment', width: { ideal: 1920 }, height: { ideal: 1440 } };
        this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
        await this.video.play();
        this.show('', true);
      } catch (error) {
        this.show(REFUSALS[error.name] ?? 'The camera could not be opened. Choose a picture instead.', false);
      }
      if (!this.dialog.open) this.stop(); // closed while the browser was asking
    },

    show(words, isLive) {
      this.dialog.querySelector('p').textContent = words;
      this.video.hidden = !isLive;
      this.dialog.querySelector('[data-camera=take]').disabled = !isLive;
    },

    stop() {
      for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
      this.video.srcObject = null;
    },

    take() {
      const { video } = this;
      const canvas = Object.assign(document.createElement('canvas'), { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext('2d').drawImage(video, 0, 0);
      canvas.toBlob((blob) => Studio.addFiles('ground-choose', [new File([blob], 'camera.png', { type: 'image/png' })]));
      this.dialog.close();
    },
  };

  addEventListener('click', (event) => {
    const does = event.target.closest?.('[data-camera]')?.dataset.camera;
    if (does === 'take') camera.take();
    else if (does === 'close') camera.dialog.close();
  });
  addEventListener('keydown', (event) => {
    if (!isShown() || document.querySelector('dialog[open]')) return;
    const press = (id) => byId(id).offsetParent && byId(id).click();
    if (event.key === 'Escape') press('ground-stop');
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) press('ground-run');
  });
  Studio.watchFiles('ground', 'ground-choose');
  return { mount: Studio.mount, openCamera: () => { camera.open(); return []; } };
})();
