/**
 * The widget: a frame of its own with the editor's stage, so that neither styles nor keys of the notebook get in its way,
 * and its messages over the notebook's channel to Python. Written to be loaded by anywidget.
 */

/**
 * @typedef {object} Page
 * @property {string} html
 * @property {string} css
 * @property {Record<string, string>} modules by name
 * @property {string} entry name of the module that starts all
 */
/**
 * What anywidget gives: the part of a Jupyter widget's model that is used here.
 *
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(event: string, react: (content: any, buffers: DataView[]) => void) => void} on
 * @property {(event: string, react: (content: any, buffers: DataView[]) => void) => void} off
 * @property {(content: object) => void} send
 */

/** @type {Page | null} */
const PAGE = null /* put in by page.py */;

/** Parts of the editor's page that need its server, or more room than a cell has. */
const LEFT_OUT = [
  ".skip",
  ".brand",
  '[aria-label="Files"]',
  "#help",
  "#panel-toggle",
  "#panel",
  ".history",
  "#drop",
  "input[type=file]",
  "dialog",
  "noscript",
].join(",");

/** Runs in the frame: makes the page of what the notebook's side says. Its text is all that it can use. */
function boot() {
  addEventListener("message", function begin(/** @type {MessageEvent} */ { source, data, ports }) {
    if (source !== parent || !data.modules) return;
    removeEventListener("message", begin);
    const style = document.createElement("style");
    style.textContent = data.css;
    document.head.append(style);
    // Parsed apart: pictures of the parts that are left out are not asked for.
    const page = new DOMParser().parseFromString(data.html, "text/html").body;
    for (const part of page.querySelectorAll(data.leftOut)) part.remove();
    document.body.append(...page.childNodes);
    Object.assign(window, { draglabPort: ports[0] });
    /** @type {Record<string, string>} */
    const imports = {};
    for (const [name, text] of Object.entries(data.modules)) {
      imports[name] = URL.createObjectURL(new Blob([String(text)], { type: "text/javascript" }));
    }
    for (const [type, text] of [
      ["importmap", JSON.stringify({ imports })],
      ["module", `import ${JSON.stringify(data.entry)};`],
    ]) {
      const script = document.createElement("script");
      Object.assign(script, { type, textContent: text });
      document.head.append(script);
    }
  });
}

const DOCUMENT = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>draglab</title></head>
<body class="starting notebook"><script>(${boot})();</script></body></html>`;

/** Whether what is behind an element is dark: the notebook's theme need not be the system's. @param {Element} element */
function isOnDark(element) {
  for (let at = /** @type {Element | null} */ (element); at; at = at.parentElement) {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (getComputedStyle(at).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
    if (alpha > 0) return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
  }
  return false;
}

/** @param {{model: Model, el: HTMLElement}} place */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "draglab";
  frame.srcdoc = DOCUMENT;
  Object.assign(frame.style, { display: "block", width: "100%", border: "0", borderRadius: "8px" });
  const resize = () => (frame.style.height = `${model.get("height")}px`);
  resize();
  /** @type {string | null} this view's name; another one after each load of the frame */
  let view = null;
  /** @type {MessagePort | null} */
  let port = null;

  function leave() {
    if (view !== null) model.send({ view, leaves: true });
    port?.close();
    view = port = null;
  }

  // Again whenever the notebook has moved the frame to another place of its page: its document begins anew.
  function begin() {
    leave();
    frame.style.colorScheme = isOnDark(el) ? "dark" : "light";
    const channel = new MessageChannel();
    const name = (view = Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(16)).join("-"));
    port = channel.port1;
    port.onmessage = ({ data }) => model.send({ view: name, text: data });
    frame.contentWindow?.postMessage({ ...PAGE, leftOut: LEFT_OUT }, "*", [channel.port2]);
  }

  /** @param {any} content @param {DataView[]} buffers */
  function receive(content, buffers) {
    if (content.view !== view || !port) return;
    const buffer = buffers?.[0];
    if (!buffer) return port.postMessage(content);
    // A copy: what the notebook holds may be larger, and stays its own.
    const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
    port.postMessage({ picture: bytes }, [/** @type {ArrayBuffer} */ (bytes)]);
  }

  frame.addEventListener("load", begin);
  model.on("msg:custom", receive);
  model.on("change:height", resize);
  el.append(frame);
  return () => {
    leave();
    model.off("msg:custom", receive);
    model.off("change:height", resize);
    frame.remove();
  };
}

export default { render };
