// A DNS server of one's own on loopback: answers for A, AAAA and TXT as it is told, and counts what it was asked.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const TYPES: Record<number, 'A' | 'TXT' | 'AAAA'> = { 1: 'A', 16: 'TXT', 28: 'AAAA' }
/** `A` and `AAAA`: addresses; `TXT`: texts. A function is asked each time. `'silent'`: no answer at all. */
export type Zone = Partial<Record<'A' | 'AAAA' | 'TXT', readonly string[] | (() => readonly string[])>> | 'silent'

function question(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.subarray(at + 1, at + 1 + length).toString('latin1'))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

const words = (address: string): Buffer => {
  const [left = [], right = []] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
const data: Record<'A' | 'AAAA' | 'TXT', (value: string) => Buffer> = {
  A: (value) => Buffer.from(value.split('.').map(Number)),
  AAAA: words,
  // RFC 1035 §3.3.14: character-strings of at most 255 octets.
  TXT: (value) => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]),
}

function record(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(value.length, 10)
  return Buffer.concat([head, value])
}

export type Dns = {
  /** As `sites.resolver` has it. */
  address: string
  zones: Map<string, Zone>
  /** `TXT _schedar.velo.example`, in order. */
  asked: string[]
  stop(): Promise<void>
}

export async function startDns(): Promise<Dns> {
  const socket = createSocket('udp4')
  const zones = new Map<string, Zone>()
  const asked: string[] = []
  socket.on('message', (message, { port, address }) => {
    const { name, type, end } = question(message)
    const kind = TYPES[type]
    const zone = zones.get(name)
    asked.push(`${kind} ${name}`)
    if (zone === 'silent') return
    const told = kind && zone?.[kind]
    const values = typeof told === 'function' ? told() : (told ?? [])
    const head = Buffer.alloc(12)
    message.copy(head, 0, 0, 2)
    // RFC 1035 §4.1.1: a response that may recurse; 3: no such name.
    head.writeUInt16BE(0x8180 | (zone ? 0 : 3), 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(values.length, 6)
    const answers = values.map((value) => record(type, data[kind!](value)))
    socket.send(Buffer.concat([head, message.subarray(12, end), ...answers]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    zones,
    asked,
    stop: async () => {
      socket.close()
      await once(socket, 'close')
    },
  }
}
