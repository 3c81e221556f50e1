"use strict";
// The page's own script: passes clicks to the server, tones and moves pictures, and listens to the keyboard.
// It asks nothing of any address; Gradio's connection to this server is the only one there is.
window.cxr = (() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const remembered = "cxr-reader";

  // --- events for the server: any element with data-event inside a bound component
  function bind(element, trigger) {
    element.addEventListener("click", (event) => {
      const target = event.target.closest("[data-event]");
      if (!target || !element.contains(target) || target.disabled) return;
      event.stopPropagation();
      const { event: name, ...data } = target.dataset;
      if (name === "select") choose(target);
      if (name === "submit") {
        goingOn = null;
        Object.assign(data, signature(target));
      }
      trigger(name, data);
    });
    element.addEventListener("change", async (event) => {
      if (!event.target.matches("input[type=file]")) return;
      const files = [...event.target.files];
      event.target.value = "";
      await send(files, event.target.closest(".up"));
      trigger("upload", {});
    });
    for (const kind of ["dragover", "dragleave", "drop"]) {
      element.addEventListener(kind, async (event) => {
        const zone = event.target.closest(".up");
        if (!zone) return;
        event.preventDefault();
        zone.classList.toggle("up-over", kind === "dragover");
        if (kind !== "drop") return;
        await send([...event.dataTransfer.files], zone);
        trigger("upload", {});
      });
    }
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("[data-event=select]") && event.target.dataset.case !== opened) {
        event.stopPropagation();
        event.target.click();
      }
    });
  }

  // --- uploads: one request per file, its name in a header and never in an address
  async function send(files, zone) {
    const said = $(".up-said", zone);
    const words = $("input", zone).dataset;
    const failed = [];
    for (const [number, file] of files.entries()) {
      said.textContent = words.sending.replace("{done}", number + 1).replace("{all}", files.length);
      try {
        const headers = { "X-File-Name": encodeURIComponent(file.name) };
        const answer = await fetch("upload", { method: "POST", headers, body: file });
        if (!answer.ok) failed.push([file.name, (await answer.json()).error]);
      } catch (error) {
        failed.push([file.name, error.message]);
      }
    }
    said.textContent = failed.map(([name, why]) => words.failed.replace("{name}", name).replace("{why}", why)).join(" · ");
  }

  // The case that was opened last: the mark of its row outlives a list that the server drew before it knew.
  let opened = "";

  function mark() {
    $$(".cx-row").forEach((row) => row.classList.toggle("cx-chosen", row.dataset.case === opened));
  }

  function choose(row) {
    opened = row.dataset.case;
    mark();
    row.scrollIntoView({ block: "nearest" });
  }

  // --- sign and next. A case is signed by a key only if it is the one whose row is marked, its form is on the screen,
  // and nobody has signed it (or the reader changed something since); the next one opens when the signature stands.
  let goingOn = null;

  // The cases to sign from the open one on, and then from the top; refused ones cannot be signed and are walked to by j k.
  function unsigned() {
    const rows = $$(".cx-row");
    const at = rows.findIndex((row) => row.dataset.case === opened);
    return [...rows.slice(at + 1), ...rows.slice(0, Math.max(at, 0))]
      .filter((row) => row.matches(".cx-is-refer, .cx-is-read, .cx-is-none") && !row.matches(".cx-done"));
  }

  function openNext() {
    unsigned()[0]?.click();
  }

  function currentForm() {
    const panel = $("#panel .pn");
    const isOpen = panel && panel.dataset.case === opened && panel.offsetParent && $(".pn-submit", panel);
    return isOpen ? panel : null;
  }

  function signAndNext() {
    const panel = currentForm();
    const button = panel && $(".pn-submit", panel);
    if (!panel || button.disabled) return;
    if ($(".pn-past", panel) && $(".pn-draft", panel).hidden) return openNext();
    const reader = $(".pn-reader", panel);
    if (!reader.value.trim()) return reader.focus();
    // The order of now: the list that comes back has the signed case at its end.
    const order = unsigned().map((row) => row.dataset.case);
    button.click();
    goingOn = { from: opened, seen: panel.dataset.seen, order };
  }

  function goOn(panel) {
    if (!goingOn || panel.dataset.case !== goingOn.from || panel.dataset.seen === goingOn.seen) return;
    const { from, order } = goingOn;
    goingOn = null;
    setTimeout(() => {
      if (opened !== from) return;
      const open = unsigned();
      const next = order.map((id) => open.find((row) => row.dataset.case === id)).find(Boolean) || open[0];
      document.activeElement.blur();
      next?.click();
    });
  }

  // --- decision: what a reader changed and has not signed is kept per case while the page is open
  const drafts = new Map();
  const NEXT_VERDICT = { "": "present", present: "absent", absent: "" };

  function verdictsOf(panel) {
    return Object.fromEntries($$(".pn-verdict", panel).map(({ dataset }) => [dataset.verdict, dataset.stated]));
  }

  function signature(button) {
    const panel = button.closest(".pn");
    const stated = Object.entries(verdictsOf(panel)).filter(([, verdict]) => verdict);
    const reader = $(".pn-reader", panel).value;
    try { localStorage.setItem(remembered, reader); } catch { /* a browser that keeps nothing */ }
    // The second click of a double click is no second signature.
    button.disabled = true;
    setTimeout(() => { button.disabled = false; }, 1500);
    return {
      verdicts: Object.fromEntries(stated.map(([name, verdict]) => [name, verdict === "present"])),
      reader,
      comment: $(".pn-comment", panel).value,
      seen: Number(panel.dataset.seen),
    };
  }

  function keepDraft(panel) {
    const draft = { seen: panel.dataset.seen, verdicts: verdictsOf(panel), comment: $(".pn-comment", panel).value };
    drafts.set(panel.dataset.case, draft);
    $(".pn-draft", panel).hidden = false;
  }

  // A form was drawn anew, perhaps into the elements of the one before: nothing of another case may stay in it. Its
  // draft comes back, the verdicts only if nobody has signed since; a draft that was signed is none any more.
  function restoreDraft(panel) {
    const comment = $(".pn-comment", panel);
    const verdicts = $$(".pn-verdict", panel);
    let draft = drafts.get(panel.dataset.case);
    const isSigned = draft && draft.comment.trim() === comment.defaultValue.trim()
      && verdicts.every(({ dataset }) => dataset.signed === draft.verdicts[dataset.verdict]);
    if (isSigned) {
      drafts.delete(panel.dataset.case);
      draft = undefined;
    }
    const isCurrent = draft && draft.seen === panel.dataset.seen;
    comment.value = draft ? draft.comment : comment.defaultValue;
    verdicts.forEach((verdict) => {
      say(verdict, isCurrent ? draft.verdicts[verdict.dataset.verdict] : verdict.dataset.signed);
    });
    $(".pn-draft", panel).hidden = !draft;
  }

  function say(verdict, stated) {
    const panel = verdict.closest(".pn");
    const against = stated === (verdict.dataset.called === "true" ? "absent" : "present");
    verdict.dataset.stated = stated;
    verdict.textContent = $(".pn-findings", panel).dataset[stated || "open"];
    verdict.classList.toggle("pn-over", against);
    const submit = $(".pn-submit", panel);
    submit.textContent = submit.dataset.words.replace("#", Object.values(verdictsOf(panel)).filter(Boolean).length);
  }

  // --- viewer
  const views = new WeakMap();
  const START = { window: 100, level: 50, invert: false, scale: 1, x: 0, y: 0, opacity: 45, boxes: true, words: false };

  function view(root) {
    // The element may be used again for the next case, and that begins anew.
    const known = views.get(root);
    if (!known || known.shown !== root.dataset.case) {
      views.set(root, { ...START, finding: root.dataset.first, shown: root.dataset.case });
    }
    return views.get(root);
  }

  function draw(root) {
    const state = view(root);
    // Window and level as in radiology: grey values level ± window/2 fill the screen's range; both in percent.
    let slope = 100 / state.window;
    let intercept = 0.5 - slope * state.level / 100;
    if (state.invert) [slope, intercept] = [-slope, 1 - intercept];
    $$("feComponentTransfer > *", root).forEach((channel) => {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    });
    $$(".vw-layers", root).forEach((layers) => {
      layers.style.transform = `translate(${state.x}px, ${state.y}px) scale(${state.scale})`;
    });
    $$(".vw-heat", root).forEach((heat) => {
      heat.hidden = heat.dataset.finding !== state.finding || heat.classList.contains("vw-words") !== state.words;
      heat.style.opacity = state.opacity / 100 * heat.dataset.strength;
    });
    $$(".vw-boxes", root).forEach((boxes) => { boxes.style.display = state.boxes ? "" : "none"; });
    $$(".vw-boxes rect", root).forEach((box) => {
      box.classList.toggle("vw-chosen", box.dataset.finding === state.finding);
    });
    const set = (selector, value) => { const input = $(selector, root); if (input) input.value = value; };
    set(".vw-window", state.window);
    set(".vw-level", state.level);
    set(".vw-opacity", state.opacity);
    for (const name of ["invert", "boxes", "words"]) {
      const button = $(`[data-view=${name}]`, root);
      if (button) { button.classList.toggle("cx-on", state[name]); button.setAttribute("aria-pressed", state[name]); }
    }
    root.dataset.finding = state.finding;
    $$("[data-finding]", $("#panel") || document.createElement("i")).forEach((line) => {
      line.classList.toggle("pn-chosen", line.dataset.finding === state.finding);
    });
  }

  function change(root, values) {
    Object.assign(view(root), values);
    draw(root);
  }

  function zoom(root, factor) {
    const state = view(root);
    const scale = Math.min(8, Math.max(1, state.scale * factor));
    const moved = scale === 1 ? { x: 0, y: 0 } : { x: state.x * scale / state.scale, y: state.y * scale / state.scale };
    change(root, { scale, ...moved });
  }

  function press(root, name) {
    const state = view(root);
    const actions = {
      in: () => zoom(root, 1.5),
      out: () => zoom(root, 1 / 1.5),
      fit: () => change(root, { scale: 1, x: 0, y: 0 }),
      heat: () => change(root, { opacity: state.opacity ? 0 : START.opacity }),
      reset: () => change(root, { ...START, finding: root.dataset.first }),
    };
    if (name in actions) actions[name]();
    else change(root, { [name]: !state[name] });
  }

  function look(finding) {
    const root = $(".vw");
    if (root) change(root, { finding, opacity: view(root).opacity || START.opacity });
    const bar = $(`.pn-bar[data-finding="${CSS.escape(finding)}"]`);
    const words = $(".pn-words");
    if (bar && words) words.textContent = bar.title;
  }

  function dragFrom(stage, start) {
    const root = stage.closest(".vw");
    const before = { ...view(root) };
    const move = (event) => {
      const [dx, dy] = [event.clientX - start.clientX, event.clientY - start.clientY];
      if (start.shiftKey || start.button === 1 || start.pointerType === "touch") {
        change(root, { x: before.x + dx, y: before.y + dy });
      } else {
        const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
        change(root, { window: clamp(before.window + dx / 3, 5, 200), level: clamp(before.level + dy / 6, 0, 100) });
      }
    };
    const stop = () => {
      stage.removeEventListener("pointermove", move);
      stage.removeEventListener("pointerup", stop);
      stage.removeEventListener("pointercancel", stop);
    };
    stage.setPointerCapture(start.pointerId);
    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerup", stop);
    stage.addEventListener("pointercancel", stop);
  }

  // A component was drawn anew: bring its picture or its form to where it should be.
  function shown(element) {
    const root = $(".vw", element);
    if (root) draw(root);
    if (opened && $(".cx-rows", element)) mark();
    const panel = $(".pn", element);
    if (!panel) return;
    const reader = $(".pn-reader", panel);
    try { if (reader && !reader.value) reader.value = localStorage.getItem(remembered) || ""; } catch { /* as above */ }
    if ($(".pn-submit", panel)) restoreDraft(panel);
    if ($(".vw")) draw($(".vw"));
    goOn(panel);
  }

  // A file made by the server, handed to the browser's own saving.
  function save(value) {
    if (!value) return;
    const file = JSON.parse(value);
    const bytes = Uint8Array.from(atob(file.content), (character) => character.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: file.type }));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- the whole page
  document.addEventListener("input", (event) => {
    const root = event.target.closest(".vw");
    const name = ["window", "level", "opacity"].find((part) => event.target.classList.contains(`vw-${part}`));
    if (root && name) change(root, { [name]: Number(event.target.value) });
    if (event.target.matches(".pn-comment")) keepDraft(event.target.closest(".pn"));
  });

  window.addEventListener("beforeunload", (event) => { if (drafts.size) event.preventDefault(); });

  document.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-view]");
    if (tool) return press(tool.closest(".vw"), tool.dataset.view);
    const verdict = event.target.closest(".pn-verdict");
    if (verdict) {
      say(verdict, NEXT_VERDICT[verdict.dataset.stated]);
      return keepDraft(verdict.closest(".pn"));
    }
    const line = event.target.closest(".pn [data-finding], .vw-boxes [data-finding]");
    if (line) look(line.dataset.finding);
    if (event.target.closest("[data-keys]")) $(".cx-keys").showModal();
    if (event.target.matches(".cx-keys")) event.target.close();  // beside the list
    if (event.target.closest("[data-theme]")) document.body.classList.toggle("dark");
  });

  document.addEventListener("pointerdown", (event) => {
    const stage = event.target.closest(".vw-stage");
    if (!stage || event.target.closest("button, rect") || event.button > 1) return;
    event.preventDefault();
    dragFrom(stage, event);
  });

  document.addEventListener("wheel", (event) => {
    const stage = event.target.closest(".vw-stage");
    if (!stage) return;
    event.preventDefault();
    zoom(stage.closest(".vw"), event.deltaY < 0 ? 1.15 : 1 / 1.15);
  }, { passive: false });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && ["s", "Enter"].includes(event.key)) return;
    if ($(".cx-keys")?.open) return event.key === "?" && $(".cx-keys").close();  // Esc closes it by itself
    const isField = event.target.closest("input, textarea, select, [contenteditable]");
    if (isField && event.key === "Escape") isField.blur();
    // Enter on a button is that button's; on the row of the open case it signs.
    const isOpenRow = event.target.matches(".cx-row") && event.target.dataset.case === opened;
    const isElsewhere = !isOpenRow && event.target.closest("button, a, [tabindex='0'], [role=tab]");
    const signs = event.key === "s" || event.key === "Enter" && !isElsewhere;
    if (isField && !(event.key === "Enter" && isField.matches(".pn-reader"))) return;
    if (signs && currentForm()) {
      event.preventDefault();
      return signAndNext();
    }
    if (/^[1-9]$/.test(event.key)) return currentForm() && $$(".pn-verdict", currentForm())[event.key - 1]?.click();
    const rows = $$(".cx-row");
    const at = rows.findIndex((row) => row.classList.contains("cx-chosen"));
    const root = $(".vw");
    const keys = {
      j: () => rows[Math.min(at + 1, rows.length - 1)]?.click(),
      k: () => rows[Math.max(at - 1, 0)]?.click(),
      f: () => rows[at] && $(".cx-flag", rows[at]).click(),
      n: openNext,
      "?": () => $(".cx-keys")?.showModal(),
      "/": () => $("#search input, #search textarea")?.focus(),
    };
    const tool = { i: "invert", h: "heat", b: "boxes", "+": "in", "-": "out", 0: "fit" }[event.key];
    const action = keys[event.key] || (tool && root && (() => press(root, tool)));
    if (action) { event.preventDefault(); action(); }
  });

  return { bind, shown, save };
})();
