// Who compiles: the command that serves the page, or WebAssembly in it. Both take a request and
// give an answer, as objects.

// The command. Its token comes with the address that it prints.
export function native(token) {
  const ask = async (path, body) => {
    const response = await fetch(path, { method: "POST", headers: { "X-Peach-Token": token ?? "" }, body });
    if (!response.ok) throw new Error((await response.text()).trim());
    return response;
  };
  return {
    answer: async request => (await ask("answer", JSON.stringify(request))).json(),
    file: async () => (await ask("file", "")).json(),
    save: async (text, overwrite) => (await ask(overwrite ? "overwrite" : "save", text)).text(),
  };
}

// WebAssembly, in a worker that is replaced when it fails.
export function wasm() {
  let worker = null;
  let last = 0;
  const open = new Map();
  const start = () => {
    worker = new Worker("worker.js");
    const fail = error => {
      open.forEach(({ reject }) => reject(new Error(error)));
      open.clear();
      worker.terminate();
      worker = null;
    };
    worker.onmessage = ({ data: { id, answer, error } }) => {
      if (error) return fail(`the compiler stopped: ${error}`);
      open.get(id)?.resolve(JSON.parse(answer));
      open.delete(id);
    };
    worker.onerror = event => fail(`the compiler cannot be loaded: ${event.message ?? ""}`);
  };
  return {
    answer: request => new Promise((resolve, reject) => {
      if (!worker) start();
      open.set(++last, { resolve, reject });
      worker.postMessage({ id: last, request: JSON.stringify(request) });
    }),
  };
}
