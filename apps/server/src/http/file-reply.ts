import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** A file that is made while it is sent. */
export interface FileReply {
  readonly name: string
  readonly type: string
  readonly content: AsyncIterable<string>
}

export const sendFile = (reply: FastifyReply, { name, type, content }: FileReply): FastifyReply =>
  reply.type(type).header('content-disposition', `attachment; filename="${name}"`).send(Readable.from(content))

export const isFileReply = (answer: unknown): answer is FileReply =>
  typeof answer === 'object' && answer !== null && 'content' in answer && 'type' in answer && 'name' in answer
