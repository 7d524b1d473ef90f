"use strict";
(function () {
  var main = document.querySelector("main"), live = document.getElementById("live");
  var toggled = {}; // what the reader has opened or closed, which stays so

  main.addEventListener("click", function (e) {
    var s = e.target.closest("summary");
    if (s && s.id) toggled[s.id] = !s.parentElement.open;
  });

  function element(html) {
    var t = document.createElement("template");
    t.innerHTML = html;
    t.content.querySelectorAll("summary[id]").forEach(function (s) {
      if (s.id in toggled) s.parentElement.open = toggled[s.id];
    });
    return t.content.firstElementChild;
  }

  function put(list, all) {
    var focus = document.activeElement && document.activeElement.id, last = null;
    if (all) {
      var ids = list.map(function (p) { return p.id; });
      Array.from(main.children).forEach(function (c) { if (ids.indexOf(c.id) < 0) c.remove(); });
    }
    list.forEach(function (p) {
      var next = element(p.html), old = document.getElementById(p.id);
      if (!old) {
        old = document.createElement("section");
        last ? last.after(old) : main.prepend(old);
      }
      if (old.dataset.v !== next.dataset.v) old.replaceWith(next); else next = old;
      last = next;
    });
    if (focus && document.activeElement.id !== focus) {
      var f = document.getElementById(focus);
      if (f) f.focus({ preventScroll: true });
    }
  }

  function say(text, bad) {
    if (live.textContent !== text) live.textContent = text;
    document.body.classList.toggle("stale", bad);
  }

  function clock() { return new Date().toTimeString().slice(0, 8); }

  function show(all) {
    return function (e) {
      var d = JSON.parse(e.data);
      put(d.parts, all);
      document.title = d.title;
      say("Up to date. " + d.title, false);
    };
  }

  var events = new EventSource("events" + location.search), since = "";
  events.addEventListener("whole", show(true));
  events.addEventListener("parts", show(false));
  events.addEventListener("trouble", function (e) { say("Not up to date: " + JSON.parse(e.data).text + ".", true); });
  events.onopen = function () { since = ""; };
  events.onerror = function () {
    since = since || clock();
    say("Not up to date since " + since + ": the connection is lost.", true);
    if (events.readyState === 2) setTimeout(function () { location.reload(); }, 10000); // too many are looking
  };
})();
