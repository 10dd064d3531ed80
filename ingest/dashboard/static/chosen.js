// The ticked rows of a form: one box for all of them, and how many there are.

const form = document.getElementById("chosen");
const all = document.getElementById("all");
const number = document.getElementById("number");
if (form && all) {
  const boxes = [...form.querySelectorAll('tbody input[type="checkbox"]')];
  const every = all.querySelector("input");
  const tell = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    every.checked = ticked === boxes.length;
    every.indeterminate = ticked > 0 && ticked < boxes.length;
    number.textContent = ticked ? `${ticked} ticked` : "";
    for (const button of form.querySelectorAll(".head button")) button.disabled = ticked === 0;
  };
  all.hidden = false;
  every.addEventListener("change", () => { for (const box of boxes) box.checked = every.checked; tell(); });
  form.addEventListener("change", tell);
  tell();
}
