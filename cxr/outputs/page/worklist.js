(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const cases = [...document.querySelectorAll(".case")];
  const tiles = [...document.querySelectorAll(".tile[data-filter]")];
  const search = document.getElementById("search");
  const finding = document.getElementById("finding");
  const shown = document.getElementById("shown");
  const unfold = document.getElementById("unfold");
  let triage = "";

  const open = (card, yes) => {
    card.classList.toggle("open", yes);
    card.querySelector(".head").setAttribute("aria-expanded", String(yes));
  };

  const apply = () => {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const card of cases) {
      const text = card.textContent.toLowerCase();
      const match = (!triage || card.dataset.triage === triage)
        && (!finding.value || card.dataset.findings.split(" ").includes(finding.value))
        && words.every((word) => text.includes(word));
      card.hidden = !match;
      count += match;
    }
    shown.textContent = count === cases.length ? "" : `${count} of ${cases.length} shown`;
    document.getElementById("nothing").hidden = count > 0 || cases.length === 0;
  };

  for (const card of cases) {
    card.querySelector(".head").addEventListener("click", () => open(card, !card.classList.contains("open")));
  }
  for (const tile of tiles) {
    tile.addEventListener("click", () => {
      triage = tile.dataset.filter;
      for (const other of tiles) other.setAttribute("aria-pressed", String(other === tile));
      apply();
    });
  }
  search.addEventListener("input", apply);
  finding.addEventListener("change", apply);
  unfold.addEventListener("click", () => {
    const yes = cases.some((card) => !card.hidden && !card.classList.contains("open"));
    for (const card of cases) if (!card.hidden) open(card, yes);
    unfold.textContent = yes ? "Fold all" : "Unfold all";
  });
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  if (cases.length) open(cases[0], true);
})();
