// Runs before the first paint so that a dark page never flashes white.
;(function () {
    var choice = 'system'
    try {
        choice = localStorage.getItem('hoglet-theme') || 'system'
    } catch (e) {}
    var dark = choice === 'dark' || (choice === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
