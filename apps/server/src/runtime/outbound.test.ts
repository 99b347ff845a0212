import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createOutbound, OutboundFailure, type OutboundOptions } from './outbound.ts'

const closing: (() => void)[] = []
afterAll(() => {
  for (const close of closing) close()
})

interface Listener {
  readonly port: number
  readonly hits: () => number
}

/** Listens on this machine; counts connections. */
async function listen(onConnection: (socket: net.Socket) => void, host = '127.0.0.1', port = 0): Promise<Listener> {
  let hits = 0
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    hits += 1
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: portOf(server), hits: () => hits }
}

const portOf = (server: net.Server): number => {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const answering = (text: string) => (socket: net.Socket) => {
  socket.once('data', () => socket.end(text))
}
const words = (text: string) => text.trim().split(/\s+/)
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

const here: Partial<OutboundOptions> = { allow: ['127.0.0.1'] }
const outbound = (options: Partial<OutboundOptions> = here) => createOutbound({ allow: [], ports: [80, 443], ...options })
const get = (url: string, options: Partial<OutboundOptions> = here) => outbound(options).send({ method: 'GET', url })
const failure = async (sending: Promise<unknown>): Promise<OutboundFailure> => {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof OutboundFailure) return error
  throw new Error(`expected a failure to send, not ${String(error)}`)
}

describe('addresses that are not public', () => {
  let canary: Listener
  beforeAll(async () => {
    canary = await listen(answering(ok))
    await listen(answering(ok), '::1', canary.port).catch(() => undefined)
  })

  const loopback = words(`127.0.0.1 127.1 127.0.1 127.255.255.254 127.0.0.1. 2130706433 017700000001 0x7f000001 0x7f.0.0.1
    0177.0.0.1 0177.0.0.0x1 0x7f.1 127.0.0.0x1 0 0.0.0.0 0.0.0.1 0x0 00 1 255.255.255.255 4294967295
    [::1] [::] [0:0:0:0:0:0:0:1] [0000::0001] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0:127.0.0.1] [::127.0.0.1] [::7f00:1]
    [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::] [2001:0:0:0:0:0:80ff:fffe]
    [::ffff:0.0.0.0] [::ffff:0:0] [::1%251] [::ffff:127.1]
    １２７.０.０.１ ①②⑦.⓪.⓪.① 127。0。0。1 127．0．0．1 127%2e0%2e0%2e1 %31%32%37.0.0.1 127.0.0.1%00.example.com`)
  const internal = words(`10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 167772161 0xa000001 012.0.0.1
    100.64.0.1 100.100.100.200 100.127.255.255 169.254.169.254 169.254.170.2 2852039166 0xa9fea9fe 0251.0376.0251.0376
    169.254.169.254. 192.0.0.192 192.0.0.1 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 192.88.99.1
    168.63.129.16 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.254 [fe80::1] [febf::1] [fc00::1] [fd00::1]
    [fd00:ec2::254] [fdff::1] [fec0::1] [ff02::1] [ff0e::1] [::ffff:10.0.0.1] [::ffff:a9fe:a9fe] [::ffff:192.168.0.1]
    [64:ff9b::a00:1] [64:ff9b::a9fe:a9fe] [2002:a00:1::] [2001:db8::1] [3fff::1] [5f00::1] [100::1] [2001:2::1]
    [2001:10::1] [2001:20::1] [4000::1] [::a9fe:a9fe] [64:ff9b:1::a00:1]`)
  const names = words(`localhost localhost. LOCALHOST ｌｏｃａｌｈｏｓｔ ⓛocalhost local\u00adhost foo.localhost localhost.localdomain
    127.0.0.1.nip.io 7f000001.nip.io localtest.me metadata.google.internal metadata db kubernetes.default.svc ip6-localhost
    xn--n3h.example bücher.example both.example a.b.c.d.e.f.example.`)
  const malformed = (port: number) => [
    ...words(`http://user@127.0.0.1:${port}/ http://user:secret@example.com:${port}/ http://example.com:80@127.0.0.1:${port}/
      http://127.0.0.1:${port}\\@example.com/ http:\\\\127.0.0.1:${port}/ ftp://127.0.0.1:${port}/ file:///etc/passwd
      gopher://127.0.0.1:${port}/_GET dict://127.0.0.1:${port}/ ws://127.0.0.1:${port}/ data:text/plain,hello javascript:alert(1)
      about:blank blob:http://127.0.0.1/1 ldap://127.0.0.1:${port}/ jar:http://127.0.0.1!/ http:// http:/// //127.0.0.1:${port}/
      http://[::1 http://256.256.256.256/ http://1.2.3.4.5/ http://example.com:99999/ http://[::1%25lo]:${port}/ unix:/run/docker.sock`),
    '',
    ' ',
    'http://example.com\t.evil/',
    'http://exa mple.com/',
    `http://127.0.0.1:${port}/\r\nHost: x`,
    `http://127.0.0.1:${port} /`,
    `\u0000http://127.0.0.1:${port}/`,
  ]

  test('are refused however they are written, and never connected to', async () => {
    const urls = [...loopback, ...internal, ...names].map((host) => `http://${host}:${canary.port}/`).concat(malformed(canary.port))
    expect(urls.length).toBeGreaterThanOrEqual(120)
    const resolve = async (host: string) =>
      host.startsWith('both')
        ? [
            { address: '93.184.216.34', family: 4 },
            { address: '127.0.0.1', family: 4 },
          ]
        : [{ address: host.includes('ip6') ? '::1' : '127.0.0.1', family: host.includes('ip6') ? 6 : 4 }]
    const ports = [80, 443, canary.port]
    for (const url of urls) {
      const { reason, message } = await failure(get(url, { ports, resolve }))
      expect({ url, reason, message }).toMatchObject({ url, reason: 'refused' })
    }
    expect(canary.hits()).toBe(0)
  })

  test('are refused at ports that are not for it, and so are public ones', () => {
    const whyNot = (url: string) => outbound({}).whyNotCallable(url)
    for (const url of ['http://93.184.216.34/', 'https://example.com/hook', 'https://[2606:4700::1111]/', 'https://example.com:443/']) {
      expect(whyNot(url)).toBeUndefined()
    }
    for (const port of [22, 25, 3306, 5432, 6379, 9200]) expect(whyNot(`http://example.com:${port}/`)).toMatch(`Port ${port}`)
  })

  test('are called when the operator allows them, at any port', async () => {
    const reply = await get(`http://127.0.0.1:${canary.port}/`)
    expect(reply).toMatchObject({ status: 200, text: 'ok', truncated: false })
    expect((await failure(get(`http://127.0.0.2:${canary.port}/`))).message).toMatch(/OUTBOUND_ALLOW/)
  })
})

test('a name that changes between looking and connecting reaches only what was looked at', async () => {
  const [allowed, canary] = [await listen(answering(ok)), await listen(answering(ok), '127.0.0.2')]
  let asked = 0
  const resolve = async () => {
    asked += 1
    return [{ address: asked % 2 === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
  }
  for (let run = 0; run < 100; run += 1) {
    await get(`http://rebinding.example:${run % 4 < 2 ? canary.port : allowed.port}/`, { ...here, resolve }).catch(() => undefined)
  }
  expect(asked).toBe(100)
  expect(allowed.hits()).toBeGreaterThan(0)
  expect(canary.hits()).toBe(0)
})

test('a redirect is a reply like any other: nobody goes there', async () => {
  const canary = await listen(answering(ok))
  const targets = [`http://127.0.0.1:${canary.port}/`, `//127.0.0.1:${canary.port}/`, 'file:///etc/passwd', '/elsewhere']
  for (const status of [300, 301, 302, 303, 304, 305, 307, 308]) {
    for (const target of targets) {
      const head = `HTTP/1.1 ${status} Elsewhere\r\nlocation: ${target}\r\nrefresh: 0; url=${target}\r\ncontent-length: 0\r\n\r\n`
      const receiver = await listen(answering(head))
      expect((await get(`http://127.0.0.1:${receiver.port}/`)).status).toBe(status)
      expect(receiver.hits()).toBe(1)
    }
  }
  expect(canary.hits()).toBe(0)
})

describe('hostile receivers', () => {
  const quick = { ...here, connectMs: 150, totalMs: 400 }

  test('that never stop answering are read up to 64 kB', async () => {
    let sent = 0
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const receiver = await listen((socket) => {
      const pour = () => {
        while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
        if (!socket.destroyed) socket.once('drain', pour)
      }
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${10 * 1024 ** 3}\r\n\r\n`)
        pour()
      })
    })
    const reply = await get(`http://127.0.0.1:${receiver.port}/`)
    expect({ status: reply.status, length: reply.text.length, truncated: reply.truncated }).toEqual({
      status: 200,
      length: 64 * 1024,
      truncated: true,
    })
    expect(sent).toBeLessThan(50 * 1024 ** 2)
  })

  test('that drip are left when the time is up', async () => {
    const receiver = await listen((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
      const dripping = setInterval(() => socket.write('x'), 20)
      socket.on('close', () => clearInterval(dripping))
    })
    expect((await failure(get(`http://127.0.0.1:${receiver.port}/`, quick))).reason).toBe('unreachable')
  })

  test('that send headers without end are left', async () => {
    const receiver = await listen((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const pouring = setInterval(() => socket.write(`x-filler: ${'x'.repeat(4096)}\r\n`), 1)
      socket.on('close', () => clearInterval(pouring))
    })
    expect((await failure(get(`http://127.0.0.1:${receiver.port}/`))).reason).toBe('unreachable')
  })

  test('closed, filtered, silent, resetting and speaking something else are told apart by nobody', async () => {
    const silent = await listen(() => undefined)
    const resetting = await listen((socket) => socket.resetAndDestroy())
    const other = await listen((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n'))
    const closed = await new Promise<number>((resolve) => {
      const server = net.createServer().listen(0, '127.0.0.1', () => {
        const port = portOf(server)
        server.close(() => resolve(port))
      })
    })
    const never = () => new Promise<never>(() => undefined)
    const noSuch = () => Promise.reject(new Error('ENOTFOUND'))
    const to = (port: number, options: Partial<OutboundOptions> = {}, scheme = 'http') =>
      failure(
        get(`${scheme}://receiver.example:${port}/`, { ...quick, resolve: async () => [{ address: '127.0.0.1', family: 4 }], ...options }),
      )
    const failures = await Promise.all([
      ...[silent, resetting, other].map(({ port }) => to(port)),
      ...[silent, resetting, other].map(({ port }) => to(port, {}, 'https')),
      to(closed),
      to(80, { resolve: never }),
      to(80, { resolve: noSuch }),
    ])
    expect(new Set(failures.map(({ reason, message }) => `${reason}: ${message}`)).size).toBe(1)
  })
})

test('headers that would break out of their line are refused', async () => {
  const receiver = await listen(answering(ok))
  const send = (headers: Record<string, string>) =>
    failure(outbound().send({ method: 'POST', url: `http://127.0.0.1:${receiver.port}/`, headers, body: '{}' }))
  expect((await send({ 'x-secret': 'one\r\nx-other: two' })).reason).toBe('refused')
  expect((await send({ 'x\r\ny': 'one' })).reason).toBe('refused')
  expect(receiver.hits()).toBe(0)
})

test('what is sent arrives whole, with its length', async () => {
  const received = new Promise<{ body: string; headers: http.IncomingHttpHeaders }>((resolve) => {
    const server = http.createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        response.end()
        resolve({ body, headers: request.headers })
      })
    })
    server.listen(0, '127.0.0.1', () => {
      void outbound().send({ method: 'POST', url: `http://127.0.0.1:${portOf(server)}/`, headers: { 'x-a': 'b' }, body: 'žalia' })
    })
    closing.push(() => server.close())
  })
  expect(await received).toMatchObject({ body: 'žalia', headers: { 'x-a': 'b', 'content-length': '6' } })
})

test('whoever asked can stop waiting', async () => {
  const silent = await listen(() => undefined)
  const stopping = new AbortController()
  const sending = failure(outbound().send({ method: 'GET', url: `http://127.0.0.1:${silent.port}/`, signal: stopping.signal }))
  stopping.abort()
  expect((await sending).reason).toBe('unreachable')
})
