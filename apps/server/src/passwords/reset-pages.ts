import type { FastifyInstance } from 'fastify'
import { createFormPage, field, form, newPasswordField } from '../http/form-page.ts'

/** `GET /password-reset`, where a link is asked for, and `GET /password-reset/confirm/:uid/:token`, where the mailed link goes. */
export function serveResetPages(server: FastifyInstance): void {
  server.get('/password-reset', (_request, reply) => showRequest(reply, request))
  // The same whether the link is good: only using it tells, and only the browser reads what is in the address.
  server.get('/password-reset/confirm/:uid/:token', (_request, reply) => showConfirmation(reply, confirmation))
}

const request = `<div id="asking">
<h1>Forgotten password</h1>
<p class="soft">A link to choose a new one is mailed to you.</p>
${form({
  fields: field({ name: 'email', label: 'E-mail address', attributes: 'type="email" autocomplete="username" maxlength="254"' }),
  button: 'Send the link',
  path: '/api/v1/auth/users/reset_password/',
})}
</div>
<div id="done" hidden>
<h1 tabindex="-1">Look into your mail</h1>
<p>If there is an account with this address, a link is on its way. It works once, for 15 minutes.</p>
<p class="soft">Nothing came? Look among unwanted mail, or ask whoever runs this server: without a mail server, links are in its log.</p>
</div>`

const confirmation = `<div id="asking">
<h1>Choose a new password</h1>
<p class="soft">It ends every session and every personal token that you have. A second factor stays.</p>
${form({
  fields: `${newPasswordField({ name: 'new_password', label: 'New password' })}
${field({ name: 're_new_password', label: 'The same once more', attributes: 'type="password" autocomplete="new-password" maxlength="1000"' })}`,
  button: 'Change password',
  path: '/api/v1/auth/users/reset_password_confirm/',
})}
<p class="soft" id="again" hidden><a href="/password-reset">Ask for a new link</a></p>
</div>
<div id="done" hidden>
<h1 tabindex="-1">Your password is changed</h1>
<p>Sign in with the new one. You have been signed out everywhere else.</p>
</div>`

const showRequest = createFormPage({
  title: 'Forgotten password · Halyard',
  script: `
onSubmit(async (fields) => {
  const response = await post('/api/v1/auth/users/reset_password/', fields)
  if (response.ok) showDone()
  else showErrors(await response.json())
})
`,
})

const showConfirmation = createFormPage({
  title: 'Choose a new password · Halyard',
  script: `
const [uid, token] = location.pathname.split('/').filter(Boolean).slice(-2)

onSubmit(async (fields) => {
  const response = await post('/api/v1/auth/users/reset_password_confirm/', { ...fields, uid, token })
  if (response.ok) return showDone()
  const errors = await response.json()
  showErrors(errors)
  byId('again').hidden = !errors.token
})
`,
})
