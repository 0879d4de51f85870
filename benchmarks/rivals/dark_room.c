// Dark Room as a user would write it in C: one struct per environment, stepped in a loop.
//
// Every environment knows where in the arrays of the batch its results go, and resets itself where
// its episode ends, as fast suites of environments in C do. Its definition is
// tests/reference/dark_room.py, with that family's default options.
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    int row, column, steps;
    int goal_row, goal_column, size, episode_length;
    uint8_t* observation;        // row and column
    uint8_t* final_observation;  // of the episode that ended
    uint8_t *reward, *terminated, *truncated;
} DarkRoom;

static void reset(DarkRoom* room) {
    room->row = room->column = room->size / 2;
    room->steps = 0;
    room->observation[0] = (uint8_t)room->row;
    room->observation[1] = (uint8_t)room->column;
}

static void step(DarkRoom* room, int64_t action) {
    const int last = room->size - 1;
    switch (action) {
        case 1: room->row -= room->row > 0; break;
        case 2: room->column += room->column < last; break;
        case 3: room->row += room->row < last; break;
        case 4: room->column -= room->column > 0; break;
        default: break;
    }
    room->steps += 1;
    room->observation[0] = (uint8_t)room->row;
    room->observation[1] = (uint8_t)room->column;
    *room->reward = room->row == room->goal_row && room->column == room->goal_column;
    *room->terminated = 0;
    *room->truncated = room->steps == room->episode_length;
    if (*room->truncated) {
        room->final_observation[0] = room->observation[0];
        room->final_observation[1] = room->observation[1];
        reset(room);
    }
}

DarkRoom* make_rooms(int64_t count, const int64_t* task_ids, int size, int episode_length,
                     uint8_t* observation, uint8_t* final_observation, uint8_t* reward,
                     uint8_t* terminated, uint8_t* truncated) {
    DarkRoom* rooms = calloc((size_t)count, sizeof(DarkRoom));
    for (int64_t i = 0; rooms && i < count; ++i) {
        rooms[i] = (DarkRoom){
            .goal_row = (int)(task_ids[i] / size),
            .goal_column = (int)(task_ids[i] % size),
            .size = size,
            .episode_length = episode_length,
            .observation = observation + 2 * i,
            .final_observation = final_observation + 2 * i,
            .reward = reward + i,
            .terminated = terminated + i,
            .truncated = truncated + i,
        };
    }
    return rooms;
}

void reset_rooms(DarkRoom* rooms, int64_t count) {
    for (int64_t i = 0; i < count; ++i) reset(&rooms[i]);
}

void step_rooms(DarkRoom* rooms, int64_t count, const int64_t* actions) {
    for (int64_t i = 0; i < count; ++i) step(&rooms[i], actions[i]);
}

void free_rooms(DarkRoom* rooms) { free(rooms); }
