import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './pages.js';

/**
 * What TypeScript says of some files, under the options of this repository. The files need not exist: `files` holds
 * their text by their absolute paths.
 */
export function typeErrors(files: ReadonlyMap<string, string>): string[] {
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, directoryExists, getSourceFile } = host;
  const folders = new Set([...files.keys()].flatMap(foldersAbove));
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.directoryExists = (path) => folders.has(path) || (directoryExists?.(path) ?? false);
  host.getSourceFile = (path, target, ...rest) => {
    const text = files.get(path);
    if (text === undefined) {
      if (!parsed.has(path)) parsed.set(path, getSourceFile(path, target, ...rest));
      return parsed.get(path);
    }
    const shape = typeof target === 'object' ? target : { languageVersion: target };
    return ts.createSourceFile(path, text, { ...shape, impliedNodeFormat: ts.ModuleKind.ESNext });
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    if (source === undefined) return [`${path} is not there`];
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((problem) => {
      const { line } = source.getLineAndCharacterOfPosition(problem.start ?? 0);
      return `${path.slice(ROOT.length)}:${line + 1}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`;
    });
  });
}

function compilerOptions(): ts.CompilerOptions {
  const path = join(ROOT, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, ROOT).options;
}

function foldersAbove(path: string): string[] {
  const folders = [];
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) folders.push(folder);
  return folders;
}

/** Files as they are on disk, which do not change while tests run. */
const parsed = new Map<string, ts.SourceFile | undefined>();
