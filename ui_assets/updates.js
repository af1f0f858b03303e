/* Which of a widget's updates is the newest. Knows the number that Python writes in front of a text (`app/wire.py`). Does
 * not know what the texts say.
 *
 * Gradio sends the last values of a stream once more when it ends: by then something newer may be on the page already, from
 * another stream or made by hand, and it would be lost.
 */
(() => {
  'use strict';

  const NUMBER = /^(\d+)\|/;

  /** A function that is given each value of one widget as it arrives: its text, or undefined where a newer one, or the
   *  same, was there before. A text without a number is the page's own, and always new. */
  function newcomers() {
    let last = 0;
    return (value) => {
      const [mark, number] = NUMBER.exec(value) ?? ['', Infinity];
      if (Number(number) <= last) return undefined;
      if (mark) last = Number(number);
      return value.slice(mark.length);
    };
  }

  const widgets = new Map();

  /** What the widget with that name is to show, now that it was given `value`. */
  function newest(name, value) {
    const widget = widgets.get(name) ?? { take: newcomers(), text: '' };
    widget.text = widget.take(value) ?? widget.text;
    widgets.set(name, widget);
    return widget.text;
  }

  window.StudioUpdates = { newcomers, newest };
})();
