// Holds an AsyncAPI document to the specification with AsyncAPI's own parser, Avro payloads included.
// Argument: the file. Prints JSON: its channels, its messages, and every diagnostic that is an error or a warning.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.FOREIGN_MODULES}/`);
const { Parser, fromFile } = require("@asyncapi/parser");
const { AvroSchemaParser } = require("@asyncapi/avro-schema-parser");

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
const { document, diagnostics } = await fromFile(parser, process.argv[2]).parse();
const WARNING = 1;
console.log(
  JSON.stringify({
    channels: document?.channels().all().map((channel) => channel.id()) ?? [],
    messages: document?.components().messages().all().map((message) => message.id()) ?? [],
    problems: diagnostics
      .filter(({ severity }) => severity <= WARNING)
      .map(({ code, path, message }) => `${code} ${path.join(".")}: ${message}`),
  }),
);
