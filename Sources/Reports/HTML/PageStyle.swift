/// The style sheet of reports: system fonts, one accent colour, light and dark.
enum PageStyle {
  /// Colours of series, and charts in terms of them; also the style of a chart in a file of its
  /// own, so every variable has a fallback.
  static let chart: Markup = """
    .chart text{font-size:12px;fill:var(--soft,#57606a)}
    .chart text.axis{font-weight:600}
    .lines .rule{stroke:var(--line,#e3e6ea)}
    .lines .base{stroke:var(--soft,#57606a);stroke-width:1}
    .lines path{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
    .lines path.band{fill:currentColor;stroke:none;opacity:.16}
    .lines text.name{fill:currentColor;font-weight:600}
    .lines path.faint{stroke-width:1;opacity:.3;stroke-dasharray:none}
    .lines path.bar{stroke-width:1.5;stroke-dasharray:none}
    .lines .dot{fill:currentColor;stroke:var(--ground,#fff);stroke-width:1;stroke-dasharray:none}
    .s0{color:var(--s0,#0b5cad)}.s1{color:var(--s1,#b8560b)}.s2{color:var(--s2,#00795f)}
    .s3{color:var(--s3,#97408e)}.s4{color:var(--s4,#6a6258)}.s5{color:var(--s5,#a8324a)}
    """

  static let page: Markup = """
    :root{color-scheme:light dark;
    --ground:#fff;--raised:#f6f7f9;--ink:#1b1f24;--soft:#57606a;--line:#e1e5ea;
    --shade:rgb(27 31 36/.16);--accent:#0b5cad;
    --good:#00694f;
    --s0:#0b5cad;--s1:#b8560b;--s2:#00795f;--s3:#97408e;--s4:#6a6258;--s5:#a8324a}
    @media(prefers-color-scheme:dark){:root{
    --ground:#12161b;--raised:#1a2027;--ink:#e7eaee;--soft:#a3adb8;--line:#2c343d;
    --shade:rgb(0 0 0/.7);--accent:#7db7f2;
    --good:#5cc9a7;
    --s0:#7db7f2;--s1:#f0a35c;--s2:#5cc9a7;--s3:#dc9ad4;--s4:#b9b0a4;--s5:#f2899c}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--ground);color:var(--ink);
    font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
    main,header,footer{max-width:62rem;margin:0 auto;padding:0 1.5rem}
    header{padding-top:3.5rem}
    h1{font-size:2rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0;
    overflow-wrap:anywhere}
    h2{font-size:1.4rem;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin:0 0 .25rem}
    h3{font-size:1.05rem;font-weight:650;margin:2.5rem 0 .25rem;overflow-wrap:anywhere}
    p{margin:.25rem 0 1rem;max-width:44rem}
    .lead,.note,figcaption,caption{color:var(--soft)}
    a{color:var(--accent)}
    nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:1.25rem 0 0;
    padding:0}
    section{margin-top:3rem;padding-top:2rem;border-top:1px solid var(--line)}
    figure{margin:1.75rem 0 0}
    figcaption{margin-bottom:.6rem;font-size:.95rem;max-width:44rem}
    figcaption strong{color:var(--ink);font-weight:600}
    svg.chart{display:block;font-family:inherit}
    svg.lines{width:100%;height:auto}
    svg.heat{width:100%;height:auto}
    .maps{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--map)),1fr));
    gap:0 2rem;align-items:start}
    .maps figure{margin-top:1rem;min-width:0}
    p.caption{color:var(--soft);font-size:.95rem;margin-bottom:0}
    p.verdict{font-size:1.1rem;max-width:48rem;margin:1rem 0 1.25rem}
    td i{font-style:normal;font-size:.72rem;font-weight:600;border-radius:.6rem;padding:.05rem .4rem;
    margin-right:.25rem;vertical-align:.08em}
    td.best i{background:var(--good);color:var(--ground)}
    td.worst i{box-shadow:inset 0 0 0 1px var(--soft);color:var(--soft)}
    td.best{font-weight:650}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.25rem;margin:1.25rem 0 0;
    font-size:.925rem}
    dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere;min-width:0}
    .narrow{display:none}
    .scroll{overflow-x:auto;max-width:100%;background:
    linear-gradient(90deg,var(--ground) 40%,transparent) left/32px 100% no-repeat local,
    linear-gradient(270deg,var(--ground) 40%,transparent) right/32px 100% no-repeat local,
    linear-gradient(90deg,var(--shade),transparent) left/10px 100% no-repeat,
    linear-gradient(270deg,var(--shade),transparent) right/10px 100% no-repeat}
    .scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);
    outline-offset:2px}
    table{border-collapse:collapse;font-size:.925rem;font-variant-numeric:tabular-nums;
    margin:.5rem 0}
    caption{text-align:left;padding-bottom:.4rem;font-size:.95rem}
    th,td{padding:.45rem 1.25rem .45rem 0;text-align:left;vertical-align:baseline;
    border-bottom:1px solid var(--line);unicode-bidi:isolate}
    th:last-child,td:last-child{padding-right:.25rem}
    thead th{font-weight:600;font-size:.825rem;color:var(--soft);vertical-align:bottom}
    tbody th{font-weight:500}
    th.n,td.n{text-align:right}
    td.n{white-space:nowrap}
    td.bar svg{vertical-align:middle;display:inline-block}
    td.bar span{display:inline-block;min-width:7rem}
    tbody th[scope=row]{min-width:6rem}
    .bar rect{fill:var(--accent)}
    .bar line{stroke:var(--soft)}
    td small{color:var(--soft)}
    ul.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.25rem;list-style:none;margin:0 0 .5rem;
    padding:0;font-size:.9rem}
    ul.legend li{display:flex;align-items:center;gap:.5rem;overflow-wrap:anywhere;
    unicode-bidi:isolate}
    ul.legend svg{flex:none;max-width:none;width:34px}
    details{margin-top:.75rem}
    summary{cursor:pointer;color:var(--accent);font-size:.925rem;padding:.2rem 0;width:fit-content}
    details[open]>summary{margin-bottom:.25rem}
    details.settings td{overflow-wrap:anywhere;font-family:ui-monospace,SFMono-Regular,Menlo,
    Consolas,monospace;font-size:.825rem}
    details.settings tbody th{white-space:nowrap;font-size:.85rem;color:var(--soft)}
    details.settings h3{margin:1.25rem 0 0}
    footer{margin-top:4rem;padding-bottom:3rem;color:var(--soft);font-size:.875rem}
    @media(max-width:640px){
    main,header,footer{padding-left:1.25rem;padding-right:1.25rem}
    header{padding-top:2rem}
    h1{font-size:1.6rem}
    .wide{display:none}.narrow{display:block}
    td.bar svg{width:44px}td.bar span{min-width:6.5rem}
    details.settings tbody th{white-space:normal}}
    @media print{section{break-inside:avoid}summary{color:inherit}}
    """
}
