// Shows /openapi.json: routes, parameters, bodies, answers and schemas. All
// text goes in as text, never as markup.
"use strict";

function el(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  for (const c of children) if (c !== null && c !== undefined) e.append(c);
  return e;
}

const code = (text) => el("code", null, text);
const refName = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

// The type of a schema in a few words, with links to named schemas.
function type(s) {
  const out = el("span");
  if (!s) return out;
  if (s.$ref) {
    const name = refName(s.$ref);
    out.append(el("a", { href: "#schema-" + name }, code(name)));
    return out;
  }
  const types = (Array.isArray(s.type) ? s.type : [s.type || "any"]).filter((t) => t !== "null");
  if (types[0] === "array") {
    out.append("list of ", type(s.items));
  } else if (types[0] === "object" && s.additionalProperties) {
    out.append("map of ", type(s.additionalProperties));
  } else {
    out.append(types.join(" or "));
    if (s.format && !/^int|^double|^float/.test(s.format)) out.append(" (" + s.format + ")");
    if (s.contentEncoding) out.append(" (" + s.contentEncoding + ")");
  }
  return out;
}

// The limits of a schema, and what it means.
function notes(s, description) {
  const out = el("span", null, description || (s && s.description) || "");
  const limits = [];
  for (const [key, word] of [["minimum", "at least"], ["maximum", "at most"], ["minLength", "characters at least"],
    ["maxLength", "characters at most"], ["maxItems", "items at most"], ["default", "default"]]) {
    if (s && s[key] !== undefined) limits.push(word + " " + JSON.stringify(s[key]));
  }
  const choices = s && (s.enum || (s.items && s.items.enum));
  if (choices) limits.push("one of " + choices.join(", "));
  if (limits.length) out.append((out.textContent ? " — " : "") + limits.join("; "));
  return out;
}

function table(head, rows) {
  const body = el("tbody");
  for (const row of rows) body.append(el("tr", null, ...row.map((cell) => el("td", null, cell))));
  return el("table", null, el("thead", null, el("tr", null, ...head.map((h) => el("th", { scope: "col" }, h)))), body);
}

function content(c) {
  const out = el("span");
  for (const [mime, media] of Object.entries(c || {})) out.append(type(media.schema), " as ", code(mime), " ");
  return out;
}

function route(method, path, op) {
  const id = "route-" + op.operationId;
  const article = el("article", { id, "data-find": (method + " " + path + " " + op.operationId + " " + (op.summary || "")).toLowerCase() },
    el("span", { class: "access" }, op["x-banto-access"] || (op.security ? "token" : "public")),
    el("h3", null, el("span", { class: "method" }, method.toUpperCase()), code(path)),
    el("p", null, op.summary || ""));
  if (op.description) article.append(el("p", null, op.description));
  if (op.parameters && op.parameters.length) {
    article.append(el("h4", null, "Parameters"), table(["name", "in", "type", "meaning"], op.parameters.map((p) =>
      [code(p.name + (p.required ? " *" : "")), p.in, type(p.schema), notes(p.schema, p.description)])));
  }
  if (op.requestBody) article.append(el("h4", null, "Body"), el("p", null, content(op.requestBody.content)));
  article.append(el("h4", null, "Answers"), table(["status", "body", "meaning"],
    Object.entries(op.responses || {}).map(([status, r]) => [code(status), content(r.content), r.description || ""])));
  return article;
}

function schema(name, s) {
  const box = el("details", { class: "schema", id: "schema-" + name, "data-find": name.toLowerCase() }, el("summary", null, name));
  if (s.description) box.append(el("p", null, s.description));
  const required = new Set(s.required || []);
  box.append(table(["field", "type", "meaning"], Object.entries(s.properties || {}).map(([field, f]) =>
    [code(field + (required.has(field) ? " *" : "")), type(f), notes(f)])));
  return box;
}

function show(doc) {
  document.getElementById("about").textContent = doc.info.description || "";
  const index = document.getElementById("index");
  const routes = document.getElementById("routes");
  const byTag = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (!item[method]) continue;
      const tag = (item[method].tags || ["other"])[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push([method, path, item[method]]);
    }
  }
  const list = el("ul");
  for (const [tag, entries] of byTag) {
    routes.append(el("h2", null, tag));
    for (const [method, path, op] of entries) {
      routes.append(route(method, path, op));
      list.append(el("li", null, el("a", { href: "#route-" + op.operationId }, op.summary || op.operationId)));
    }
  }
  index.append(list);
  const schemas = document.getElementById("schemas");
  schemas.append(el("h2", null, "Schemas"), el("p", null, "* is always there, or must be given."));
  for (const [name, s] of Object.entries(doc.components.schemas)) schemas.append(schema(name, s));
}

function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

document.getElementById("find").addEventListener("input", (event) => {
  const word = event.target.value.trim().toLowerCase();
  for (const e of document.querySelectorAll("[data-find]")) e.hidden = !e.dataset.find.includes(word);
});
window.addEventListener("hashchange", openTarget);

fetch("/openapi.json").then((r) => {
  if (!r.ok) throw new Error(r.status + " " + r.statusText);
  return r.json();
}).then((doc) => { show(doc); openTarget(); }).catch((error) => {
  document.getElementById("about").textContent = "Cannot read /openapi.json: " + error.message;
});
