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
