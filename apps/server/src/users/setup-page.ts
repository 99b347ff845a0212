import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Runtime } from '../runtime/runtime.ts'
import { isSetUp } from './queries.ts'

/** `GET /setup`: where the link goes that the server prints while the installation has no administrator. One page that asks nobody else for anything. */
export function serveSetupPage(server: FastifyInstance, { control }: Runtime): void {
  server.get('/setup', async (_request, reply) => {
    const content = (await isSetUp(control.db)) ? alreadyDone : form
    return reply.type('text/html; charset=utf-8').headers(headers).send(page(content))
  })
}

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
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
h1:focus { outline: none }
pre { margin: .5rem 0 0; padding: .8rem; background: var(--code); border-radius: 8px; font: .85rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
`

interface Field {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly attributes: string
}

const field = ({ name, label, hint, attributes }: Field) => `<div class="field" id="${name}-field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" required aria-describedby="${name}-error${hint ? ` ${name}-hint` : ''}" ${attributes}>
${hint ? `<p class="hint" id="${name}-hint">${hint}</p>\n` : ''}<p class="error" id="${name}-error"></p>
</div>`

const token = field({
  name: 'token',
  label: 'Set-up token',
  hint: 'The server prints a link with it each time it starts, until somebody has used one.',
  attributes: 'autocomplete="off" spellcheck="false" maxlength="200"',
})
const firstName = field({ name: 'first_name', label: 'First name', attributes: 'autocomplete="given-name" maxlength="150"' })
const lastName = field({ name: 'last_name', label: 'Last name', attributes: 'autocomplete="family-name" maxlength="150"' })
const email = field({ name: 'email', label: 'E-mail address', attributes: 'type="email" autocomplete="username" maxlength="254"' })
const password = field({
  name: 'password',
  label: 'Password',
  hint: 'At least 8 characters, not only digits.',
  attributes: 'type="password" autocomplete="new-password" minlength="8" maxlength="1000"',
})

const form = `<div id="asking">
<h1>Set up Halyard</h1>
<p class="soft">This installation has no administrator yet. You become the first.</p>
<noscript><p class="error">This page needs JavaScript. Without it, send the same fields as JSON to POST /api/v1/setup/.</p></noscript>
<form method="post">
${token}
<div class="names">${firstName}${lastName}</div>
${email}
${password}
<button class="main">Create administrator</button>
<p class="error" id="form-error" role="alert"></p>
</form>
</div>
<div id="done" hidden>
<h1 tabindex="-1">You are the administrator</h1>
<p>This is your token. It is shown only now; signing in gives you another.</p>
<h2 id="key-title">Token</h2>
<pre id="key" aria-labelledby="key-title"></pre>
<button class="copy" data-copies="key">Copy the token</button>
<h2 id="command-title">Create a project</h2>
<pre id="command" aria-labelledby="command-title"></pre>
<button class="copy" data-copies="command">Copy the command</button>
<p class="soft" id="copied" role="status"></p>
</div>`

const alreadyDone = `<h1>Halyard is set up</h1>
<p>It has an administrator already, so there is nothing left to do here.</p>
<p class="soft">Sign in with your e-mail address and password. To get an account, ask an administrator.</p>`

// Runs in the browser, with nothing but what it brings.
const script = `
const byId = (id) => document.getElementById(id)
const form = document.querySelector('form')
const button = form?.querySelector('button')
const names = ['token', 'first_name', 'last_name', 'email', 'password']

function takeTokenFromLink() {
  const given = new URLSearchParams(location.search).get('token') || new URLSearchParams(location.hash.slice(1)).get('token')
  if (!given) return
  byId('token').value = given
  byId('token-field').hidden = true
  history.replaceState(null, '', location.pathname)
}

function showErrors(errors) {
  for (const name of names) {
    const messages = [].concat(errors[name] || []).join(' ')
    byId(name + '-error').textContent = messages
    byId(name).setAttribute('aria-invalid', String(messages !== ''))
    if (name === 'token' && messages) byId('token-field').hidden = false
  }
  byId('form-error').textContent = [].concat(errors.non_field_errors || [], errors.detail || []).join(' ')
  names.map(byId).find((input) => input.getAttribute('aria-invalid') === 'true')?.focus()
}

async function setUp() {
  const fields = Object.fromEntries(new FormData(form))
  const headers = { 'content-type': 'application/json' }
  const response = await fetch('/api/v1/setup/', { method: 'POST', headers, body: JSON.stringify(fields) })
  const reply = await response.json()
  if (response.status === 403) byId('token-field').hidden = false
  if (!response.ok) return showErrors(reply)
  showDone(reply.key, await findOrganisation(reply.key).catch(() => 1))
}

async function findOrganisation(key) {
  const response = await fetch('/api/v1/organisations/', { headers: { authorization: 'Token ' + key } })
  return (await response.json()).results[0].id
}

function showDone(key, organisation) {
  byId('key').textContent = key
  byId('command').textContent =
    "curl -X POST '" + location.origin + "/api/v1/projects/' -H 'Authorization: Token " + key + "' -H 'Content-Type: application/json' -d '" +
    JSON.stringify({ name: 'My project', organisation }) + "'"
  byId('asking').hidden = true
  byId('done').hidden = false
  byId('done').querySelector('h1').focus()
}

async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text)
    byId('copied').textContent = 'Copied.'
  } catch {
    getSelection().selectAllChildren(shown)
    byId('copied').textContent = 'Selected: copy it with Ctrl+C, or ⌘C.'
  }
}

if (form) takeTokenFromLink()
form?.addEventListener('submit', async (event) => {
  event.preventDefault()
  button.disabled = true
  showErrors({})
  await setUp().catch(() => showErrors({ detail: 'The server did not answer. Is it running?' }))
  button.disabled = false
})
for (const each of document.querySelectorAll('[data-copies]')) {
  each.addEventListener('click', () => copy(byId(each.dataset.copies).textContent, byId(each.dataset.copies)))
}
`

const page = (content: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Set up Halyard</title>
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

const headers = {
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
  // The address holds the token until the script has taken it.
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}
