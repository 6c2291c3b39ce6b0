/* A branching scenario: the server shows the next step after each choice, and a choice is made once. */

import { say } from "../texts.js";

export function chosenPath(box) {
  return (box.dataset.path || "").split(",").filter(Boolean).map(Number);
}

export function drawScenes(box, scenes) {
  const home = box.querySelector("[data-scenes]");
  const here = home.contains(document.activeElement);
  home.replaceChildren(...scenes.map((scene) => drawScene(box, scene)));
  if (here) (home.querySelector("input") || document.querySelector(`[data-nav="${box.dataset.slot}"]`)).focus({ preventScroll: true });
  box.dataset.path = scenes.map((scene) => scene.chosen).filter(Boolean).join(",");
}

function drawScene(box, scene) {
  const part = element("div", "lq-scene");
  part.append(element("p", "", scene.text));
  if (scene.chosen) {
    part.append(element("p", "lq-chosen", `→ ${scene.options.find(([place]) => place === scene.chosen)[1]}`));
    return part;
  }
  const list = element("ul", "lq-choices");
  for (const [place, text] of scene.options) {
    const row = element("li", "lq-check");
    const input = element("input");
    Object.assign(input, { type: "radio", name: `s${box.dataset.slot}`, value: String(place), id: `s${box.dataset.slot}-${place}` });
    const label = element("label", "", text);
    label.htmlFor = input.id;
    row.append(input, label);
    list.append(row);
  }
  const button = element("button", "btn btn-secondary", say("do"));
  button.type = "submit";
  button.dataset.choose = "";
  part.append(list, button, element("p", "lq-hint", say("final")));
  return part;
}

function element(name, look = "", text = "") {
  const made = document.createElement(name);
  if (look) made.className = look;
  made.textContent = text;
  return made;
}
