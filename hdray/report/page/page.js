// The page's behaviour: charts in the theme's colours, the 3-D panel, the search field. Everything else is plain HTML.
"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const byId = (id) => document.getElementById(id);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // "@name" in a figure stands for the style sheet's --name.
  function themed(value) {
    if (typeof value === "string" && value.startsWith("@")) {
      return getComputedStyle(document.documentElement).getPropertyValue("--" + value.slice(1)).trim();
    }
    if (Array.isArray(value)) return value.map(themed);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, themed(inner)]));
    }
    return value;
  }

  function drawCharts() {
    for (const place of document.querySelectorAll("[data-chart]")) {
      const figure = themed(page.charts[place.dataset.chart]);
      const axis = { gridcolor: themed("@line"), linecolor: themed("@line"), zeroline: false, automargin: true };
      const layout = {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 55, r: 12, t: 26, b: 45 },
        font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: themed("@muted") },
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }, hovermode: "closest", dragmode: false,
        ...figure.layout, xaxis: { ...axis, ...figure.layout.xaxis }, yaxis: { ...axis, ...figure.layout.yaxis },
      };
      Plotly.react(place, figure.data, layout, { displayModeBar: false, responsive: true });
    }
  }

  // ---- meshes: the reverse of hdray/report/payload.py

  const unpacked = new Map();

  async function unpack(key) {
    if (!unpacked.has(key)) unpacked.set(key, await unpackNow(page.meshes[key]));
    return unpacked.get(key);
  }

  async function unpackNow(mesh) {
    const deflated = Uint8Array.from(atob(mesh.data), (letter) => letter.charCodeAt(0));
    const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    const count = 3 * mesh.vertices + 3 * mesh.faces;
    const number = (index) => planes[index] | (planes[count + index] << 8);
    const axes = [0, 1, 2].map((axis) => {
      const values = new Float32Array(mesh.vertices);
      let code = 0;
      for (let vertex = 0; vertex < mesh.vertices; vertex++) {
        code = (code + number(axis * mesh.vertices + vertex)) & 0xffff;
        values[vertex] = mesh.origin[axis] + code * mesh.scale;
      }
      return values;
    });
    const corners = [0, 1, 2].map(() => new Uint16Array(mesh.faces));
    let highest = -1;
    for (let index = 0; index < 3 * mesh.faces; index++) {
      const back = number(3 * mesh.vertices + index);
      corners[index % 3][(index / 3) | 0] = back === 0 ? ++highest : highest - back + 1;
    }
    // Plotly's third axis points up.
    const [x, y, z] = page.up === "y" ? [axes[0], axes[2].map((value) => -value), axes[1]] : axes;
    return { x, y, z, i: corners[0], j: corners[1], k: corners[2] };
  }

  // ---- the panel: one sample beside its nearest training shapes, one camera for all

  const panel = byId("panel");
  const scenes = [];
  let current = 0;
  let camera;
  let webgl; // whether this browser can draw in 3-D; asked when first needed

  const startingCamera = () => ({
    eye: { x: 0.96, y: -1.37, z: 0.68 }, center: { x: 0, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 },
    projection: { type: "perspective" },
  });

  function hasWebGL() {
    const context = document.createElement("canvas").getContext("webgl");
    if (context) context.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(context);
  }

  function addScene() {
    const figure = document.createElement("figure");
    const stage = document.createElement("div");
    const caption = document.createElement("figcaption");
    stage.className = "stage";
    figure.append(stage, caption);
    byId("scenes").append(figure);
    const scene = { figure, stage, caption, plotted: false };
    stage.addEventListener("pointerdown", () => { leader = scene; }, { capture: true });
    // Plotly would take the wheel; here it scrolls the page.
    stage.addEventListener("wheel", (event) => event.stopPropagation(), { capture: true });
    scenes.push(scene);
    return scene;
  }

  // The scene under the pointer leads; the others' own changes, which come from here, are not followed.
  let leader = null;
  function follow(scene, event) {
    if (scene !== leader || !event["scene.camera"]) return;
    camera = event["scene.camera"];
    applyCamera(scene);
  }

  let waiting = false;
  function applyCamera(source) {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      for (const scene of scenes) {
        if (scene.plotted && scene !== source) Plotly.relayout(scene.stage, { "scene.camera": camera });
      }
    });
  }

  async function draw(scene, shape, ranges, picture) {
    scene.figure.classList.toggle("own", shape.own);
    scene.caption.replaceChildren();
    const name = document.createElement("strong");
    name.textContent = shape.name;
    scene.caption.append(name, shape.caption);
    if (!shape.mesh || !webgl) {
      if (scene.plotted) Plotly.purge(scene.stage);
      scene.plotted = false;
      const image = document.createElement("img");
      image.src = picture.src;
      image.alt = picture.alt;
      scene.stage.replaceChildren(image);
      return;
    }
    const mesh = await unpack(shape.frames.length ? shape.frames[frame % shape.frames.length] : shape.mesh);
    const trace = {
      type: "mesh3d", ...mesh, color: shape.own ? "#e0955c" : "#93a9c2", flatshading: true, hoverinfo: "skip",
      lighting: {
        ambient: 0.4, diffuse: 0.72, specular: 0.05, roughness: 0.9, fresnel: 0.05,
        facenormalsepsilon: 0, vertexnormalsepsilon: 0, // the defaults take small faces for degenerate ones
      },
      lightposition: { x: -1200, y: -1000, z: 2400 },
    };
    const axis = (index) => ({ visible: false, range: ranges[index], showspikes: false });
    const layout = {
      margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      scene: {
        xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "cube", dragmode: "turntable", camera,
        bgcolor: "rgba(0,0,0,0)",
      },
    };
    const first = !scene.plotted;
    if (first) scene.stage.replaceChildren();
    await Plotly.react(scene.stage, [trace], layout, { displayModeBar: false, responsive: true, scrollZoom: false });
    scene.plotted = true;
    if (first) {
      scene.stage.on("plotly_relayouting", (event) => follow(scene, event));
      scene.stage.on("plotly_relayout", (event) => follow(scene, event));
    }
  }

  // One cube around all shapes shown, so that they share a scale.
  async function commonRanges(shapes) {
    const keys = shapes.flatMap((shape) => (shape.frames.length ? shape.frames : shape.mesh ? [shape.mesh] : []));
    const meshes = await Promise.all(keys.map(unpack));
    const bounds = ["x", "y", "z"].map((axis) => {
      let low = Infinity, high = -Infinity;
      for (const mesh of meshes) {
        for (const value of mesh[axis]) {
          if (value < low) low = value;
          if (value > high) high = value;
        }
      }
      return [low, high];
    });
    const half = Math.max(...bounds.map(([low, high]) => high - low)) * 0.5;
    return bounds.map(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]);
  }

  // ---- animations: all shapes of the panel show the same frame

  const secondsPerFrame = 1 / 8;
  let frame = 0;
  let playing = false;

  async function showFrame(sample) {
    for (const [place, shape] of sample.shapes.entries()) {
      if (!shape.frames.length || !scenes[place].plotted) continue;
      const { x, y, z, i, j, k } = await unpack(shape.frames[frame % shape.frames.length]);
      if (sample !== page.samples[current]) return; // another one was chosen meanwhile
      await Plotly.restyle(scenes[place].stage, { x: [x], y: [y], z: [z], i: [i], j: [j], k: [k] }, [0]);
    }
  }

  async function play() {
    while (playing) {
      const began = performance.now();
      frame++;
      const sample = page.samples[current];
      drawing = drawing.then(() => showFrame(sample));
      await drawing;
      const left = secondsPerFrame * 1000 - (performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, Math.max(left, 15)));
    }
  }

  function setPlaying(wanted) {
    const begins = wanted && !playing;
    playing = wanted;
    byId("play").textContent = playing ? "Pause" : "Play";
    byId("play").setAttribute("aria-pressed", String(playing));
    if (begins) play();
  }

  let drawing = Promise.resolve();
  function select(index, bring) {
    current = (index + page.samples.length) % page.samples.length;
    const sample = page.samples[current];
    for (const card of document.querySelectorAll(".card[aria-current]")) card.removeAttribute("aria-current");
    const card = document.querySelector(`.card[data-sample="${current}"]`);
    card.setAttribute("aria-current", "true");
    byId("panel-title").textContent = sample.title;
    if (bring && panel.getBoundingClientRect().top < 0) panel.scrollIntoView({ block: "start" });
    const pictures = card.querySelectorAll("img");
    drawing = drawing.then(async () => {
      if (sample !== page.samples[current]) return; // another one was chosen meanwhile
      webgl ??= hasWebGL();
      if (!webgl) byId("panel-note").textContent = "This browser has no WebGL: pictures instead of shapes to turn.";
      const ranges = await commonRanges(sample.shapes);
      while (scenes.length < sample.shapes.length) addScene();
      for (const [place, scene] of scenes.entries()) {
        scene.figure.hidden = place >= sample.shapes.length;
        if (!scene.figure.hidden) await draw(scene, sample.shapes[place], ranges, pictures[place]);
      }
      document.documentElement.dataset.drawn = String(current + 1);
      const moves = webgl && sample.shapes.some((shape) => shape.frames.length);
      byId("play").hidden = !moves;
      if (!moves) setPlaying(false);
    });
  }

  function choose(index) {
    select(index, true);
    history.replaceState(null, "", `#sample-${current + 1}`);
  }

  function fromAddress() {
    const match = /^#sample-(\d+)$/.exec(location.hash);
    const index = match ? Number(match[1]) - 1 : -1;
    return index >= 0 && index < page.samples.length ? index : null;
  }

  function moveCamera(moved) {
    leader = null;
    camera = moved;
    applyCamera(null);
  }

  function zoom(factor) {
    const eye = Object.fromEntries(Object.entries(camera.eye).map(([axis, value]) => [axis, value * factor]));
    moveCamera({ ...camera, eye });
  }

  function startPanel() {
    panel.hidden = false;
    camera = startingCamera();
    for (const card of document.querySelectorAll(".card")) {
      card.addEventListener("click", (event) => {
        event.preventDefault();
        choose(Number(card.dataset.sample));
      });
    }
    byId("play").addEventListener("click", () => setPlaying(!playing));
    byId("previous").addEventListener("click", () => choose(current - 1));
    byId("next").addEventListener("click", () => choose(current + 1));
    byId("nearer").addEventListener("click", () => zoom(1 / 1.25));
    byId("farther").addEventListener("click", () => zoom(1.25));
    byId("reset").addEventListener("click", () => moveCamera(startingCamera()));
    window.addEventListener("hashchange", () => { if (fromAddress() !== null) select(fromAddress(), true); });
    if (fromAddress() !== null) panel.scrollIntoView({ block: "start" });
    select(fromAddress() ?? page.first, false);
  }

  // ---- the search field over a table

  for (const field of document.querySelectorAll("[data-filter]")) {
    const rows = [...byId(field.dataset.filter).tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [row, text] of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown++;
      }
      field.parentElement.querySelector(".note").textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }

  if (window.Plotly) {
    drawCharts();
    dark.addEventListener("change", drawCharts);
    if (page.samples.length) startPanel();
  }
})();
