// The page's side of its connection with the driver (browser_test.go): it reports to the driver, and does what the driver
// says. The driver is reached over the seat's own loopback, so that no fault comes between the two.

const retryAfter = 20; // ms

/** Asks the driver until it answers: a page that was frozen has lost its requests. */
async function ask(path, options) {
  for (;;) {
    try {
      return await (await fetch(path, options)).text();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, retryAfter));
    }
  }
}

let said = Promise.resolve(); // requests are sent one after the other

/** Says something: out and log are lines. */
export function say(kind, value) {
  const body = JSON.stringify({ [kind]: value });
  said = said.then(() => ask("/say", { method: "POST", body }));
}

/** Does what the driver says, by the names of the commands. */
export async function obey(commands) {
  for (let n = 0; ; n++) await commands[await ask(`/command?n=${n}`)]();
}

export const time = () => new Date().toISOString().slice(11, 23);

addEventListener("error", (e) => say("log", `error: ${e.message}`));
addEventListener("unhandledrejection", (e) => say("log", `rejection: ${e.reason?.stack ?? e.reason}`));
for (const name of ["online", "offline", "freeze", "resume"]) {
  for (const target of [window, document]) target.addEventListener(name, () => say("log", `${time()} page: ${name}`));
}
document.addEventListener("visibilitychange", () => say("log", `${time()} page: ${document.visibilityState}`));
