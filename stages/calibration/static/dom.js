// The two words that every part of the page needs.

export const $ = (selector) => document.querySelector(selector);

export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
};
