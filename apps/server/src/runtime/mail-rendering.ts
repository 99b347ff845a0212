interface Written {
  readonly subject: string
  readonly paragraphs: readonly string[]
  readonly link?: { readonly label: string; readonly path: string } | undefined
}

interface Rendered {
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly link: string | undefined
}

/** A mail as text and as HTML. Names in it come from people: they cannot add headers, lines or markup. */
export function renderMail({ subject, paragraphs, link }: Written, address: string): Rendered {
  const lines = paragraphs.map(onOneLine)
  const target = link && { label: onOneLine(link.label), url: `${address}${link.path}` }
  const sender = `Sent by Halyard at ${address}.`
  const text = [...lines, ...(target ? [`${target.label}:\n${target.url}`] : []), sender].join('\n\n')
  return { subject: onOneLine(subject).slice(0, subjectMax), text: `${text}\n`, html: page(lines, target, sender), link: target?.url }
}

const subjectMax = 200

// Line breaks and other control characters; and marks that turn the direction of what follows.
const onOneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\u202A-\u202E\u2066-\u2069]/g, '')
    .trim()

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const page = (lines: readonly string[], link: { label: string; url: string } | undefined, sender: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 0 auto; padding: 1.5rem">
${lines.map((line) => `<p>${escape(line)}</p>`).join('\n')}
${link ? button(link) : ''}<p style="font-size: 13px; color: #6b7785">${escape(sender)}</p>
</body>
</html>
`

// The address is shown as well, so that it can be read before it is followed, and copied where links are stripped.
const button = ({ label, url }: { label: string; url: string }): string => `<p><a href="${escape(url)}">${escape(label)}</a></p>
<p style="font-size: 13px; color: #6b7785; overflow-wrap: anywhere">${escape(url)}</p>
`
