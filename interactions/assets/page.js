// Comfort only; every page works without it. A button shows and hides a password.
for (const button of document.querySelectorAll('button.reveal')) {
  button.hidden = false
  button.addEventListener('click', () => {
    const input = document.getElementById(button.dataset.for)
    const shown = input.type === 'text'
    input.type = shown ? 'password' : 'text'
    button.setAttribute('aria-pressed', String(!shown))
    button.setAttribute('aria-label', shown ? button.dataset.show : button.dataset.hide)
    input.focus()
  })
}

// A suspension on its way through the services: the middle of the page is read again while something is pending.
const POLL_MS = 400
async function follow(live) {
  while (Number(live.dataset.pending) > 0) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    const answer = await fetch(location.href, { redirect: 'manual' }).catch(() => undefined)
    // Signed out meanwhile, or the server is away: what is shown stays, and says what was known.
    if (!answer) continue
    if (!answer.ok) return
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const now = page.getElementById('live')
    if (!now) return
    live.dataset.pending = now.dataset.pending
    const [status, said] = [live.querySelector('[role=status]'), now.querySelector('[role=status]')]
    status.className = said.className
    // Only what changed is read out.
    if (status.textContent !== said.textContent) status.textContent = said.textContent
    live.querySelector('progress').replaceWith(now.querySelector('progress'))
    live.querySelector('table').replaceWith(now.querySelector('table'))
  }
}
const live = document.getElementById('live')
if (live) follow(live)
