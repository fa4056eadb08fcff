// The form that asks for a token, if the API needs one. The token goes to POST /session once; from then on a cookie that no script
// can read stands for it. What is remembered here is only that there is a session, so that it can be ended.

const BEGUN = "volcast-session";

let dialog = null;

/** Show the form, unless it is there already. The page begins anew once the API has accepted a token. */
export function askForToken() {
  if (dialog) return;
  style();
  dialog = document.createElement("dialog");
  dialog.className = "session";
  dialog.setAttribute("aria-labelledby", "session-title");
  const form = element("form", "");
  const title = element("h2", "This server asks for a token");
  title.id = "session-title";
  const label = element("label", "Token");
  const input = document.createElement("input");
  Object.assign(input, { type: "password", required: true, autocomplete: "current-password", id: "session-token" });
  label.htmlFor = input.id;
  const refused = element("p", "");
  refused.setAttribute("role", "alert");
  const button = element("button", "Open");
  form.append(title, element("p", "Who runs the server has one for you: a line of the file api_tokens_file."));
  form.append(label, input, refused, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    refused.textContent = (await begin(input.value.trim())) ?? "";
    button.disabled = false;
    if (refused.textContent) input.select();
    else location.reload();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // there is nothing behind it
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
}

/** Begin a session; return what is wrong, as a sentence, or null. */
async function begin(token) {
  if (!/^[A-Za-z0-9._~+/=-]+$/.test(token)) return "A token has letters, digits and any of . _ ~ + / - only.";
  try {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch("session", { method: "POST", headers, signal: AbortSignal.timeout(10_000) });
    if (answer.status === 401) return "The server does not know this token.";
    if (answer.status === 429) return "Too many tries. Wait a minute.";
    if (!answer.ok) return `The server answered with ${answer.status}.`;
  } catch {
    return "The server does not answer.";
  }
  localStorage.setItem(BEGUN, "yes");
  return null;
}

/** Add a button that ends the session, if there is one. */
function offerEnd() {
  if (localStorage.getItem(BEGUN) === null) return;
  style();
  const button = element("button", "End session");
  button.type = "button";
  button.className = "end-session";
  button.addEventListener("click", async () => {
    await fetch("session", { method: "DELETE" });
    localStorage.removeItem(BEGUN);
    location.reload();
  });
  document.querySelector("footer")?.append(button);
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function style() {
  if (document.querySelector('link[href="page/session.css"]')) return;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "page/session.css" }));
}

offerEnd();
