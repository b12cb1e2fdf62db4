/** The one style sheet, inline so that a page is one request; its hash is what the content policy lets in. */
import { createHash } from 'node:crypto'
import { Markup } from './html.js'

const css = `
:root { color-scheme: light dark; --line: light-dark(#d0d5dd, #3a4150); --soft: light-dark(#f5f7fa, #20252e);
  --text: light-dark(#1b2230, #e6e9ef); --page: light-dark(#ffffff, #14181f); --link: light-dark(#0b57b0, #8ab8ff);
  --faint: light-dark(#525a66, #b4bcc8); --good: light-dark(#1a6b30, #6fdd8b); --busy: light-dark(#7a5a00, #e3c04f);
  --bad: light-dark(#b42318, #ff8b82); --fill: light-dark(#c9defa, #24405f); }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
header, main { max-width: 76rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1.5rem; padding-bottom: 0; }
header p { margin: .25rem 0; color: var(--faint); }
h1 { font-size: 1.4rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.part { margin: 1.5rem 0; }
.part > summary { cursor: pointer; margin-bottom: .5rem; }
.part > summary h2 { display: inline; }
nav, .part form[role=search] { margin: .5rem 0; }
nav [aria-current] { font-weight: 600; color: inherit; text-decoration: none; }
.part form[role=search] { display: block; }
a { color: var(--link); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .75rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { background: var(--soft); }
td { overflow-wrap: break-word; }
td:first-child > a { white-space: nowrap; }
pre { margin: 1rem 0; padding: .75rem; background: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere; }
form { display: inline; }
button { font: inherit; font-size: .85em; cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
td details { display: inline-block; vertical-align: top; }
td details summary { cursor: pointer; color: var(--link); text-decoration: underline; }
td details p { margin: .25rem 0; width: 17rem; max-width: 70vw; }
.state { font-size: .85em; font-weight: 600; padding: 0 .5em; border: 1px solid currentColor; border-radius: .75em; white-space: nowrap; }
.good { color: var(--good); } .busy { color: var(--busy); } .bad { color: var(--bad); } .over { color: var(--faint); }
.bar { display: block; width: 100%; min-width: 5rem; max-width: 12rem; height: .4rem; margin: .35rem 0; border-radius: .2rem; background: var(--line); }
.bar path { fill: var(--link); }
dd .bar { display: inline-block; width: 8rem; margin: 0 0 0 .75rem; vertical-align: middle; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; display: flex; flex-direction: column; justify-content: space-between; font-size: .85em; }
figure svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 10px; }
.area { fill: var(--fill); } .line { fill: none; stroke: var(--link); stroke-width: 1.5; stroke-linecap: round; }
.second { fill: none; stroke: var(--faint); stroke-dasharray: 4 3; } .axis { stroke: var(--line); }
td ul, ul.found { list-style: none; margin: 0; padding: 0; }
ul.found li { padding: .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
input { font: inherit; max-width: 100%; }
.log.live { max-height: 75vh; overflow: auto; overflow-anchor: none; }
.bold { font-weight: 700; } .faint { opacity: .85; } .italic { font-style: italic; } .underlined { text-decoration: underline; }
.t0 { color: light-dark(#1b2230, #9aa4b2); } .t1 { color: light-dark(#b42318, #ff8b82); } .t2 { color: light-dark(#1a6b30, #6fdd8b); }
.t3 { color: light-dark(#7a5a00, #e3c04f); } .t4 { color: light-dark(#0b57b0, #8ab8ff); } .t5 { color: light-dark(#8b2fa8, #e0a3ff); }
.t6 { color: light-dark(#0b6b75, #6fd9e3); } .t7 { color: light-dark(#525a66, #e6e9ef); }
.g0, .g1, .g2, .g3, .g4, .g5, .g6, .g7 { background: var(--page); outline: 1px solid var(--line); }
.inverse { background: var(--text); color: var(--page); }
mark { background: light-dark(#ffe58a, #6b5500); color: var(--text); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } header, main { padding-inline: .75rem; }
  th, td { padding-inline: .5rem; } }
@media print { #live, nav, form { display: none; } .scroll { overflow: visible; } header, main { max-width: none; padding: 0; }
  .part, figure, tr { break-inside: avoid-page; } .part { break-inside: auto; } }
`

export const styleHash = `sha256-${createHash('sha256').update(css).digest('base64')}`

export const style = new Markup(`<style>${css}</style>`)
