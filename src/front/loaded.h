/* Functions of objects that are loaded, in whatever scope, without the dynamic linker's help.
 *
 * dlopen() and dlsym() allocate, and dlsym() sees global scopes only; this reads the objects' own
 * hash tables.  For use when memory has run out.  An object without a GNU hash table is not looked
 * at; a static program has no such objects. */
#ifndef CAIRN_FRONT_LOADED_H
#define CAIRN_FRONT_LOADED_H

/* The address of the function `name` in the first loaded object, this library apart, that also has
 * the function `mark`.  NULL: there is none. */
void *loaded_function(const char *mark, const char *name);

#endif
