// What every plugin must keep, for each of the three things that Postfix holds: the refused, the addresses, the queue of the
// suspended. Against a real Postfix and its own tables.
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import plugin from '../../plugins/postfix/index.ts'
import type { Row, Service, Subject } from '../../src/plugin.ts'
import { pluginContract } from '../contract/plugin.ts'
import { type Postfix, startPostfix } from '../support/postfix.ts'
import { addressSubject, loginSubject, pluginHost } from '../support/subjects.ts'

const NAMES = ['amy', 'ben', 'cid', 'dot', 'eva'].map((name) => `${name}@asso.example`)
const POSTMASTER = 'postmaster@asso.example'

/** A line of somebody else's in a map, which Postfix knows as well. */
async function byHand({ config, command }: Postfix, map: string, line: string): Promise<void> {
  const path = join(config.folder, map)
  await appendFile(path, `${line}\n`)
  await command('postmap', `lmdb:${path}`)
}

/** Lines outside our marks, and what the table says of them. */
async function ofOthers({ config, command }: Postfix, map: string): Promise<string[]> {
  const path = join(config.folder, map)
  const [text, table] = [await readFile(path, 'utf8'), await command('postmap', '-s', `lmdb:${path}`)]
  return [...text.split('\n'), ...table.split('\n')].filter((line) => line.includes('postmaster'))
}

const openWith = async <S extends Subject>(
  postfix: Postfix,
  service: Service<S, Row>,
  some: readonly S[],
  maps: readonly string[],
) => ({
  service,
  subjects: { some, foreign: maps.length > 0 ? [POSTMASTER] : [] },
  untouched: async () => (await Promise.all(maps.map((map) => ofOthers(postfix, map)))).flat(),
  close: () => postfix.remove(),
})

pluginContract('postfix', async () => {
  const postfix = await startPostfix()
  await byHand(postfix, 'refused', `${POSTMASTER} REJECT by hand`)
  const service = await plugin.open!(postfix.config, pluginHost(postfix.dir))
  return openWith(
    postfix,
    service as Service<Subject, Row>,
    NAMES.map((name) => loginSubject(name)),
    ['refused'],
  )
})

for (const incoming of ['deliver', 'defer'] as const)
  pluginContract(`postfix.addresses, ${incoming}`, async () => {
    const postfix = await startPostfix({ config: { incoming } })
    await byHand(postfix, 'mailboxes', `${POSTMASTER} x`)
    await byHand(postfix, 'senders', `${POSTMASTER} root`)
    await byHand(postfix, 'domains', 'postmaster.example x')
    const service = await plugin.parts!.addresses!.open(postfix.config, pluginHost(postfix.dir))
    const some = [
      ...NAMES.map((name) => addressSubject(name)),
      addressSubject('team@lists.example', { delivery: { targets: [NAMES[0]!, 'else@where.example'] } }),
      addressSubject('@site42.example', { delivery: null, senders: ['site42.example'] }),
    ]
    return openWith(postfix, service, some, ['mailboxes', 'senders', 'domains'])
  })

pluginContract('postfix.queue', async () => {
  const postfix = await startPostfix()
  const service = await plugin.parts!.queue!.open(postfix.config, pluginHost(postfix.dir))
  return openWith(
    postfix,
    service,
    NAMES.map((name) => loginSubject(name)),
    [],
  )
})
