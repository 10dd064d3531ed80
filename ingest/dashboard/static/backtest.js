// A back-test that goes on: its bar moves, and the page is read anew when it is over.

const going = document.getElementById("going");
const bar = document.getElementById("bar");
const apart = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");

const ask = async () => {
  try {
    const answer = await fetch(going.dataset.progress, { headers: { Accept: "application/json" } });
    if (answer.redirected || !answer.ok) return location.reload();
    const told = await answer.json();
    if (told.state !== "running") return location.reload();
    document.getElementById("looked").textContent = apart(told.looked);
    if (told.total !== null) {
      document.getElementById("total").textContent = apart(told.total);
      bar.max = told.total || 1;
      bar.value = told.looked;
    }
  } catch {
    // the server is away for a moment: ask again
  }
  setTimeout(ask, 500);
};
if (going) setTimeout(ask, 500);
