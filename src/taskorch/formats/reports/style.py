"""How the page looks: light or dark as its reader likes it, on a telephone as on paper."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2127; --soft: #58616c; --rule: #d3d8de; --track: #e7eaee;
  --good: #17703a; --warn: #8a5a00; --bad: #b3261e; --plain: #2f5fb3; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171c; --ink: #e7eaee; --soft: #a3acb8; --rule: #3a424d; --track: #2a3038;
    --good: #5cc98a; --warn: #e0b050; --bad: #ff8a80; --plain: #8ab4ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; border-bottom: 1px solid var(--rule); }
p, ul { margin: .5rem 0; }
.about, .more { color: var(--soft); }
figure { margin: .75rem 0; max-width: 34rem; }
.chart { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--plain); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .9rem; overflow-wrap: normal; }
caption { text-align: start; color: var(--soft); padding-bottom: .25rem; }
th, td { padding: .3rem .7rem; text-align: start; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
tbody th { min-width: 6.5rem; max-width: 22rem; overflow-wrap: break-word; }
td.text { min-width: 6rem; max-width: 22rem; overflow-wrap: break-word; }
.number { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.good th:first-child { border-inline-start: 4px solid var(--good); }
tr.warn th:first-child { border-inline-start: 4px dashed var(--warn); }
tr.bad th:first-child { border-inline-start: 4px double var(--bad); }
summary { cursor: pointer; color: var(--soft); }
svg text { fill: var(--ink); }
svg .tick { fill: var(--soft); font-size: 11px; }
svg .words { font-weight: 600; fill: var(--soft); }
svg .words.good { fill: var(--good); }
svg .words.warn { fill: var(--warn); }
svg .words.bad { fill: var(--bad); }
svg .words.plain { fill: var(--soft); }
svg .track { fill: var(--track); }
svg .good { fill: var(--good); }
svg .warn { fill: var(--warn); }
svg .bad { fill: var(--bad); }
svg .plain { fill: var(--plain); }
svg line { stroke: var(--rule); stroke-width: 1; }
svg .axis { stroke: var(--soft); }
svg .mark { stroke: var(--ink); stroke-width: 2; }
svg .now { stroke: var(--ink); stroke-width: 1.5; }
svg .unbounded { stroke: var(--soft); stroke-width: 2; stroke-dasharray: 2 4; }
svg .over { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 4 2; }
svg .cross line { stroke: var(--bad); stroke-width: 3; }
@media print { h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""
"""The style sheet of the page, the charts included."""
