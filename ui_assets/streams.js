/* The stream over which a page hears what becomes of its requests. Knows how Gradio's page asks and listens: a request
 * ("join") is answered with the number of an event, and a stream ("data") tells of all events until the server closes it
 * behind the last one. Does not know what is asked or told.
 *
 * The page opens a stream where it knows of none. A request that is sent while the end of the last stream is still on its
 * way would never be heard of again: the server has closed that stream, and the page believes that it listens. So the answer
 * to a request waits here until the stream tells of its event, or the page knows that the stream has ended.
 */
(() => {
  'use strict';

  const EVENT = /"event_id":"(\w+)"/g;
  const OVERLAP = 64; // what is looked for may come in two pieces
  const { fetch } = window;
  let heard = async () => {}; // settles when the page's stream tells of an event or has ended

  /** Reads along; gives a function from an event's number to a promise as `heard` is one. */
  function readAlong(response, signal) {
    const told = new Set();
    const awaited = new Map();
    const ended = new Promise((end) => {
      signal.addEventListener('abort', end); // the page lets go of a stream whose end it has heard
      let rest = '';
      let isClosed = false;
      const take = new WritableStream({
        write(text) {
          rest += text;
          for (const [, event] of rest.matchAll(EVENT)) {
            told.add(event);
            awaited.get(event)?.();
          }
          isClosed ||= rest.includes('"close_stream"');
          rest = rest.slice(-OVERLAP);
        },
      });
      const read = response.clone().body.pipeThrough(new TextDecoderStream()).pipeTo(take);
      read.catch(() => {}).then(() => isClosed || end()); // one that broke off says nothing before
    });
    const isTold = (event) => (told.has(event) ? true : new Promise((tell) => awaited.set(event, tell)));
    return (event) => Promise.race([isTold(event), ended]);
  }

  window.fetch = async (...asked) => {
    const response = await fetch(...asked);
    const { pathname } = new URL(response.url || location.href);
    if (pathname.endsWith('/queue/data')) heard = readAlong(response, asked[0].signal);
    else if (pathname.endsWith('/queue/join') && response.ok) await heard((await response.clone().json()).event_id);
    return response;
  };
})();
