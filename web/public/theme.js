// Before the first paint, so that a dark page never flashes light. A file of its own: the pages allow no inline script.
try {
  var chosen = localStorage.getItem('breeze.theme')
  var dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
} catch {
  // Storage may be off: the system's own preference is then the theme.
  document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
}
