// XML for camt: small trees of elements by their local names, handed over as they close, so that a long statement is
// never held whole. Document types and entities of one's own are refused: nothing is expanded, nothing is fetched.
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { refuse } from './problems.ts'

export type XmlElement = {
  /** Without its prefix. */
  name: string
  line: number
  /** The attribute `Ccy`, the only one that statements use. */
  currency: string
  text: string
  children: XmlElement[]
}

/** A statement nests about 15 deep. */
const MAX_DEPTH = 40
/** Elements held at once: a batch of 20,000 payments in one entry. */
const MAX_HELD = 1_000_000
const CHUNK = 64 * 1024

const local = (name: string): string => name.slice(name.indexOf(':') + 1)

const countOf = (element: XmlElement): number => element.children.reduce((sum, each) => sum + countOf(each), 1)

/**
 * Reads a document. Each element is given to `take` when it closes, and one for which it
 * gives true is dropped from its parent, which keeps the memory small. Whatever is not well formed is refused.
 */
export function readXml(text: string, take: (element: XmlElement) => boolean): void {
  const parser = new SaxesParser({ xmlns: false, position: true })
  const open: XmlElement[] = []
  let held = 0
  parser.on('error', ({ message }) => {
    const what = message.replace(/^\d+:\d+: /, '').slice(0, 120)
    throw refuse(parser.line, 'xml_broken', { what })
  })
  parser.on('doctype', () => {
    throw refuse(parser.line, 'doctype', {})
  })
  parser.on('opentag', (tag: SaxesTagPlain) => {
    if (open.length === MAX_DEPTH) throw refuse(parser.line, 'xml_deep', { most: MAX_DEPTH })
    if (++held > MAX_HELD) throw refuse(parser.line, 'xml_many', {})
    open.push({ name: local(tag.name), line: parser.line, currency: tag.attributes.Ccy ?? '', text: '', children: [] })
  })
  const gather = (piece: string): void => {
    const element = open.at(-1)
    if (element) element.text += piece
  }
  parser.on('text', gather)
  parser.on('cdata', gather)
  parser.on('closetag', () => {
    const element = open.pop()!
    element.text = element.text.trim()
    if (take(element)) held -= countOf(element)
    else open.at(-1)?.children.push(element)
  })
  for (let at = 0; at < text.length; at += CHUNK) parser.write(text.slice(at, at + CHUNK))
  parser.close()
}

/** The first element at a path of local names. */
export function at(element: XmlElement | undefined, ...path: string[]): XmlElement | undefined {
  let here = element
  for (const name of path) here = here?.children.find((child) => child.name === name)
  return here
}

/** The text at a path, or undefined if nothing stands there. */
export const textAt = (element: XmlElement | undefined, ...path: string[]): string | undefined =>
  at(element, ...path)?.text || undefined

/** All elements at a path: `NtryDtls/TxDtls` may branch at each step. */
export const allAt = (element: XmlElement, ...path: string[]): XmlElement[] =>
  path.reduce(
    (found, name) => found.flatMap(({ children }) => children.filter((child) => child.name === name)),
    [element],
  )
