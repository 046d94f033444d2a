for (let i = 0; i < words.data.place.length; i++) {
  const element = document.getElementById(words.data.place[i]), html = words.data.html[i]
  if (element && element.dataset.said !== html) {
    element.innerHTML = html
    element.dataset.said = html
  }
}
