"""The design system: layouts, components, forms, charts, the map, and how words and refusals look (O5, C3's sentences).

Pages of other rooms extend `ui/layout.html`, `ui/portal.html` or `ui/bare.html` and are put together from the
`<c-…>` components that README.md lists. Other rooms may call `ui.text`, `ui.values` and `ui.scales`; nothing else.
"""
