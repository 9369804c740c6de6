/* A process beside the program that symbolizes its reports as they come. */
#ifndef CAIRN_TOOLS_READER_H
#define CAIRN_TOOLS_READER_H

/* Starts it and puts the way to it into CAIRN_REPORT, for the program that this process becomes.
 * Where there is such a variable already, or no process is to be had, nothing happens: the library
 * writes its reports itself. */
void start_reader(void);

#endif
