// A small HTTP proxy that spoils the first answers, so that an SDK's own retry code has to run.
// The twin of fault_proxy.py; the faults are taken in order, one per POST:
//   {kind: 'status', status: 503, headers: {}}   answered here, the server never sees the request
//   {kind: 'cut_after'}                          forwarded and applied, but the connection dies before the answer
// When the list is empty every request is forwarded untouched.

import http from 'node:http'

/** What belongs to one connection and must not be copied to the other one. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host'])

/**
 * Serves on a free local port until `close()`.
 * @param {string} target base URL of the server
 * @param {Array<{kind: string, status?: number, headers?: Record<string, string>}>} faults
 */
export async function faultProxy(target, faults) {
  const left = [...faults]
  const attempts = []
  const server = http.createServer(async (request, response) => {
    try {
      const body = await read(request)
      const fault = left.shift() ?? { kind: 'pass' }
      const attempt = { fault: fault.kind, messageIds: messageIds(body) }
      attempts.push(attempt)
      if (fault.kind === 'status') {
        response.writeHead(fault.status, fault.headers ?? {})
        response.end('{"code":"overloaded","message":"spoiled on purpose"}')
        return
      }
      const answer = await forward(target, request, body)
      if (fault.kind === 'cut_after') {
        if (answer.status !== 200) attempt.upstream = answer.status
        request.socket.destroy()
        return
      }
      response.writeHead(answer.status, answer.headers)
      response.end(answer.body)
    } catch (error) {
      // An unreachable server looks to the SDK as it would without a proxy: no answer at all.
      attempts.push({ fault: `proxy failed: ${error.message}`, messageIds: [] })
      request.socket.destroy()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    attempts,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends the request on, byte for byte (plain http: fetch would unpack a compressed answer). */
async function forward(target, request, body) {
  const outgoing = http.request(new URL(request.url, target), {
    method: 'POST',
    headers: { ...kept(request.headers), 'content-length': body.length },
  })
  outgoing.end(body)
  const answer = await new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject))
  return { status: answer.statusCode, headers: kept(answer.headers), body: await read(answer) }
}

function kept(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_HEADERS.has(name)))
}

async function read(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

/** The message ids of a batch, to see that a retry repeats them. */
function messageIds(body) {
  return JSON.parse(body.toString('utf8')).batch.map((event) => event.messageId).sort()
}
