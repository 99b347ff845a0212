import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

/** A small page with a form, for what links lead to. It asks nobody but this server for anything, and runs only its own script. */
export function createFormPage({
  title,
  script,
}: {
  title: string
  script: string
}): (reply: FastifyReply, content: string) => FastifyReply {
  const whole = `${formScript}${script}`
  const headers = headersFor(whole)
  return (reply, content) =>
    reply
      .type('text/html; charset=utf-8')
      .headers(headers)
      .send(page({ title, content, script: whole }))
}

export interface Field {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly attributes: string
}

export const field = ({ name, label, hint, attributes }: Field): string => `<div class="field" id="${name}-field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" required aria-describedby="${name}-error${hint ? ` ${name}-hint` : ''}" ${attributes}>
${hint ? `<p class="hint" id="${name}-hint">${hint}</p>\n` : ''}<p class="error" id="${name}-error"></p>
</div>`

/** What a new password must be is said where one is chosen. */
export const newPasswordField = ({ name, label }: Pick<Field, 'name' | 'label'>): string =>
  field({
    name,
    label,
    hint: 'At least 8 characters, not only digits.',
    attributes: 'type="password" autocomplete="new-password" minlength="8" maxlength="1000"',
  })

export const form = ({ fields, button, path }: { fields: string; button: string; path: string }): string =>
  `<noscript><p class="error">This page needs JavaScript. Without it, send the same fields as JSON to POST ${path}.</p></noscript>
<form method="post">
${fields}
<button class="main">${button}</button>
<p class="error" id="form-error" role="alert"></p>
</form>`

// Runs in the browser, before what the page itself brings. A field’s errors are shown beside it, all others below the form.
const formScript = `
const byId = (id) => document.getElementById(id)
const form = document.querySelector('form')
const inputs = form ? [...form.querySelectorAll('input')] : []

function showErrors(errors) {
  const others = { ...errors }
  for (const input of inputs) {
    const messages = [].concat(errors[input.name] || []).join(' ')
    delete others[input.name]
    byId(input.name + '-error').textContent = messages
    input.setAttribute('aria-invalid', String(messages !== ''))
    if (messages) byId(input.name + '-field').hidden = false
  }
  byId('form-error').textContent = Object.values(others).flat().join(' ')
  inputs.find((input) => input.getAttribute('aria-invalid') === 'true')?.focus()
}

const post = (path, fields) =>
  fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) })

function onSubmit(send) {
  form?.addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    showErrors({})
    await send(Object.fromEntries(new FormData(form))).catch(() => showErrors({ detail: 'The server did not answer. Is it running?' }))
    button.disabled = false
  })
}

function showDone() {
  byId('asking').hidden = true
  byId('done').hidden = false
  byId('done').querySelector('h1').focus()
}
`

const style = `
:root { color-scheme: light dark; --page: #f3f5f8; --card: #fff; --text: #17212e; --soft: #566375; --line: #8592a3; --field: #fff;
  --accent: #1d4ed8; --on-accent: #fff; --wrong: #b42318; --code: #eef1f5 }
@media (prefers-color-scheme: dark) { :root { --page: #0e1319; --card: #171e27; --text: #e7edf4; --soft: #a3b0c0; --line: #5d6b7d;
  --field: #0e1319; --accent: #8fb1ff; --on-accent: #0b1530; --wrong: #ff9d94; --code: #0e1319 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 0 auto; padding: clamp(1rem, 6vw, 4rem) 1rem }
.card { background: var(--card); border-radius: 12px; padding: clamp(1.25rem, 5vw, 2.25rem); box-shadow: 0 1px 2px #0002, 0 8px 30px #0001 }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; text-wrap: balance }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .25rem }
p { margin: 0 0 1rem }
.card > :last-child, .card > :last-child > :last-child { margin-bottom: 0 }
#copied { margin-top: .75rem }
.soft { color: var(--soft) }
.names { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); column-gap: 1rem }
.field { margin-bottom: 1.1rem }
label { display: block; font-weight: 600; margin-bottom: .3rem }
input { width: 100%; font: inherit; color: inherit; background: var(--field); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .75rem }
input[aria-invalid=true] { border-color: var(--wrong) }
.hint, .error { font-size: .9rem; margin: .3rem 0 0 }
.hint { color: var(--soft) }
.error { color: var(--wrong) }
.error:empty { display: none }
button { font: inherit; font-weight: 600; border-radius: 8px; padding: .6rem 1.1rem; border: 1px solid transparent; cursor: pointer }
.main { width: 100%; background: var(--accent); color: var(--on-accent) }
.copy { margin-top: .5rem; background: none; color: var(--accent); border-color: currentColor; padding: .3rem .9rem }
button:disabled { opacity: .6; cursor: progress }
a { color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
h1:focus { outline: none }
pre { margin: .5rem 0 0; padding: .8rem; background: var(--code); border-radius: 8px; font: .85rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
`

interface Page {
  readonly title: string
  readonly content: string
  readonly script: string
}

const page = ({ title, content, script }: Page) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main><div class="card">${content}</div></main>
<script>${script}</script>
</body>
</html>
`

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const headersFor = (script: string) => ({
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  // Addresses of such pages hold tokens.
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
})
