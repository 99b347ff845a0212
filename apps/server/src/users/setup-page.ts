import type { FastifyInstance } from 'fastify'
import { createFormPage, field, form, newPasswordField } from '../http/form-page.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { isSetUp } from './queries.ts'

/** `GET /setup`: where the link goes that the server prints while the installation has no administrator. */
export function serveSetupPage(server: FastifyInstance, { control }: Runtime): void {
  server.get('/setup', async (_request, reply) => show(reply, (await isSetUp(control.db)) ? alreadyDone : asking))
}

const token = field({
  name: 'token',
  label: 'Set-up token',
  hint: 'The server prints a link with it each time it starts, until somebody has used one.',
  attributes: 'autocomplete="off" spellcheck="false" maxlength="200"',
})
const firstName = field({ name: 'first_name', label: 'First name', attributes: 'autocomplete="given-name" maxlength="150"' })
const lastName = field({ name: 'last_name', label: 'Last name', attributes: 'autocomplete="family-name" maxlength="150"' })
const email = field({ name: 'email', label: 'E-mail address', attributes: 'type="email" autocomplete="username" maxlength="254"' })
const password = newPasswordField({ name: 'password', label: 'Password' })

const asking = `<div id="asking">
<h1>Set up Halyard</h1>
<p class="soft">This installation has no administrator yet. You become the first.</p>
${form({
  fields: `${token}\n<div class="names">${firstName}${lastName}</div>\n${email}\n${password}`,
  button: 'Create administrator',
  path: '/api/v1/setup/',
})}
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

// Runs in the browser. The address holds the token until the script has taken it.
const script = `
function takeTokenFromLink() {
  const given = new URLSearchParams(location.search).get('token') || new URLSearchParams(location.hash.slice(1)).get('token')
  if (!given) return
  byId('token').value = given
  byId('token-field').hidden = true
  history.replaceState(null, '', location.pathname)
}

async function setUp(fields) {
  const response = await post('/api/v1/setup/', fields)
  const reply = await response.json()
  if (response.status === 403) byId('token-field').hidden = false
  if (!response.ok) return showErrors(reply)
  showToken(reply.key, await findOrganisation(reply.key).catch(() => 1))
}

async function findOrganisation(key) {
  const response = await fetch('/api/v1/organisations/', { headers: { authorization: 'Token ' + key } })
  return (await response.json()).results[0].id
}

function showToken(key, organisation) {
  byId('key').textContent = key
  byId('command').textContent =
    "curl -X POST '" + location.origin + "/api/v1/projects/' -H 'Authorization: Token " + key + "' -H 'Content-Type: application/json' -d '" +
    JSON.stringify({ name: 'My project', organisation }) + "'"
  showDone()
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
onSubmit(setUp)
for (const each of document.querySelectorAll('[data-copies]')) {
  each.addEventListener('click', () => copy(byId(each.dataset.copies).textContent, byId(each.dataset.copies)))
}
`

const show = createFormPage({ title: 'Set up Halyard', script })
