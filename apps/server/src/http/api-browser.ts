import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const served = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js'])
const swaggerUi = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

/** `GET /api/docs`: the API's description to read and to try, by Swagger UI. It asks nobody but this server for anything. */
export async function serveApiBrowser(server: FastifyInstance): Promise<void> {
  server.get('/api/docs', (_request, reply) => reply.type('text/html; charset=utf-8').headers(headers).send(page))
  server.get('/api/docs/start.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').headers(headers).send(start))
  await server.register(fastifyStatic, {
    root: swaggerUi,
    prefix: '/api/docs/ui/',
    decorateReply: false,
    index: false,
    allowedPath: (path) => served.has(path),
    maxAge: '1h',
  })
}

const headers = {
  // Swagger UI sets styles on its elements and draws its icons from data addresses.
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Halyard API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/ui/swagger-ui.css">
</head>
<body>
<main id="api"><noscript>The description is at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>; this page needs JavaScript.</noscript></main>
<script src="/api/docs/ui/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`

const start = `SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  tagsSorter: 'alpha',
  validatorUrl: null,
})
`
